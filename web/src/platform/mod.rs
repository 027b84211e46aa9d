//! The browser, behind plain functions: the only users of `web-sys` and `gloo` on the page.

pub mod blob;
pub mod canvas;
pub mod clipboard;
pub mod engine;
pub mod fetch;
pub mod file;
pub mod folder;
pub mod helper;
pub mod inbox;
pub mod keyboard;
pub mod loader;
pub mod message;
pub mod module;
pub mod page;
pub mod picture;
pub mod pointer;
pub mod port;
pub mod scope;
pub mod service;
pub mod size;
