//! The screen of files, and the worker that reads them: one module, which looks where it is.

fn main() {
    fewbit_web::files::run();
}
