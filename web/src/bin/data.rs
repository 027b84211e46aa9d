//! The screen of a person's own data, and the worker that reads them: one module, which looks where it is.

fn main() {
    fewbit_web::data::run();
}
