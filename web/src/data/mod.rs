//! A person's own data: a screen that shows how they are read for the model on the bench, where that can be corrected, and a worker
//! that reads them.
//!
//! Both are one module (`src/bin/data.rs`), which the page loads when it is first asked for: it carries the tokenizers. The app says
//! which files there are and what its model takes ([`protocol::Call`]), and gets samples ([`protocol::Reply`]); the screen and
//! its worker say [`protocol::Ask`] and [`protocol::Told`].

pub mod controls;
pub mod pictures;
pub mod preview;
pub mod protocol;
pub mod screen;
pub mod table;
pub mod text;
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
