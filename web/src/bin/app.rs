//! The page.

use fewbit_web::app::App;
use fewbit_web::platform::page;

fn main() {
    console_error_panic_hook::set_once();
    match page::element("app") {
        Some(element) => leptos::mount::mount_to(element, App).forget(),
        None => leptos::mount::mount_to_body(App),
    }
}
