//! The engine's worker.

fn main() {
    fewbit_web::worker::run();
}
