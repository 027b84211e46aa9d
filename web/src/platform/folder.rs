//! Folders that are dropped on the page.

use js_sys::{Array, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

use super::file::Given;

/// Folders inside a folder that are looked into.
const MOST_DEPTH: usize = 8;

/// What was dropped, if there is a folder among it. Only while the event is heard.
pub fn dropped(data: &DataTransfer) -> Option<Vec<FileSystemEntry>> {
    let items = data.items();
    let items = (0..items.length()).filter_map(|i| items.get(i));
    let entries: Vec<FileSystemEntry> =
        items.filter_map(|item| item.webkit_get_as_entry().ok().flatten()).collect();
    entries.iter().any(FileSystemEntry::is_directory).then_some(entries)
}

/// All files there, but hidden ones. What cannot be read is passed over, as if it were not there.
pub async fn files(entries: Vec<FileSystemEntry>) -> Vec<Given> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut sort = |depth: usize, entries: Vec<FileSystemEntry>, folders: &mut Vec<_>| {
        for entry in entries.into_iter().filter(|entry| !entry.name().starts_with('.')) {
            // By what they say: some browsers know these classes by other names.
            if entry.is_directory() {
                folders.push((depth, entry));
            } else {
                // Asked for at once, and heard below.
                let path = entry.full_path().trim_start_matches('/').to_owned();
                files.push((path, JsFuture::from(file_of(entry.unchecked_ref()))));
            }
        }
    };
    sort(0, entries, &mut folders);
    while let Some((depth, folder)) = folders.pop() {
        if depth < MOST_DEPTH {
            sort(depth + 1, list(folder.unchecked_ref()).await, &mut folders);
        }
    }
    let mut given = Vec::with_capacity(files.len());
    for (path, file) in files {
        given.extend(file.await.ok().map(|file| Given { path, file: file.unchecked_into() }));
    }
    given
}

/// The entries of a folder, which the browser gives some at a time.
async fn list(folder: &FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let (reader, mut all) = (folder.create_reader(), Vec::new());
    loop {
        let some = Promise::new(&mut |resolve, reject| {
            reader.read_entries_with_callback_and_callback(&resolve, &reject).ok();
        });
        let some = JsFuture::from(some).await.map(|some| some.unchecked_into::<Array>().to_vec());
        match some {
            Ok(some) if !some.is_empty() => {
                all.extend(some.into_iter().map(JsCast::unchecked_into::<FileSystemEntry>))
            }
            _ => return all,
        }
    }
}

fn file_of(entry: &FileSystemFileEntry) -> Promise {
    Promise::new(&mut |resolve, reject| entry.file_with_callback_and_callback(&resolve, &reject))
}
