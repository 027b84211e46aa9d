//! The page and its engine worker: two binaries of one package.
//!
//! The page ([`app`]) owns the document and draws; the worker ([`worker`]) owns the engine and computes. They meet in
//! `fewbit_experiment::protocol`. Only [`platform`] and the worker know the browser's API.

pub mod app;
pub mod bench;
pub mod chart;
pub mod i18n;
pub mod platform;
pub mod remote;
pub mod settings;
pub mod state;
pub mod ui;
pub mod worker;
