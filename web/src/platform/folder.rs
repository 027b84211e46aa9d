//! Folders that are dropped on the page.

use js_sys::{Array, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

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
    let mut files = Vec::new();
    let mut waiting: Vec<(usize, FileSystemEntry)> = entries.into_iter().map(|entry| (0, entry)).collect();
    while let Some((depth, entry)) = waiting.pop() {
        let path = entry.full_path().trim_start_matches('/').to_owned();
        if entry.name().starts_with('.') {
            continue;
        }
        // By what they say: some browsers know these classes by other names.
        if !entry.is_directory() {
            let file = JsFuture::from(file_of(entry.unchecked_ref())).await;
            let file = file.ok().map(JsCast::unchecked_into::<File>);
            files.extend(file.map(|file| Given { path, file }));
        } else if depth < MOST_DEPTH {
            let inside = list(entry.unchecked_ref()).await;
            waiting.extend(inside.into_iter().map(|entry| (depth + 1, entry)));
        }
    }
    files
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
