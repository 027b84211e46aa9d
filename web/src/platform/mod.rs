//! The browser, behind plain functions: the only users of `web-sys` and `gloo` on the page.

pub mod canvas;
pub mod clipboard;
pub mod engine;
pub mod fetch;
pub mod file;
pub mod keyboard;
pub mod message;
pub mod page;
pub mod picture;
pub mod pointer;
pub mod size;
