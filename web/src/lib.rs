//! The page, its engine's worker, and the modules that open files and read data: four binaries of one package.
//!
//! The page ([`app`]) owns the document and draws; the worker ([`worker`]) owns the engine and computes. They meet in
//! `fewbit_experiment::protocol`. What is only there for files larger than memory ([`files`]) and for
//! a person's own data ([`data`]) is loaded with the first of them.
//! Only [`platform`] and the workers know the browser's API.

pub mod app;
pub mod bench;
pub mod chart;
pub mod data;
pub mod files;
pub mod i18n;
pub mod platform;
pub mod remote;
pub mod settings;
pub mod state;
pub mod ui;
pub mod worker;
