//! The page, its engine's worker, and the module that opens files: three binaries of one package.
//!
//! The page ([`app`]) owns the document and draws; the worker ([`worker`]) owns the engine and computes. They meet in
//! `fewbit_experiment::protocol`. What is only there for files larger than memory ([`files`]) is loaded with the first of them.
//! Only [`platform`] and the workers know the browser's API.

pub mod app;
pub mod bench;
pub mod chart;
pub mod files;
pub mod i18n;
pub mod platform;
pub mod remote;
pub mod settings;
pub mod state;
pub mod ui;
pub mod worker;
