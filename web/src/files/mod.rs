//! Files of tensors, however large: a screen that looks into them, and a worker that reads them where they lie.
//!
//! Both are one module (`src/bin/files.rs`), which the page loads when the first file is opened, so that nobody else pays for
//! it. The app says which files ([`protocol::Call`]) and hears of models to put on its bench ([`protocol::Reply`]); the
//! screen and its worker say [`protocol::Ask`] and [`protocol::Told`].

mod build;
pub mod facts;
pub mod histogram;
pub mod inspector;
pub mod list;
pub mod protocol;
pub mod screen;
pub mod viewer;
pub mod worker;

use crate::platform::{scope, service};
use crate::ui::part;

/// Shows the screen, or serves it, as this is a page or a worker.
pub fn run() {
    if scope::is_worker() {
        service::run::<worker::Desk>();
    } else {
        part::mount(screen::PLACE, screen::Screen);
    }
}
