//! Files that people give us, and files that we give them.

use std::slice;

use fewbit_data::{Kind, is_companion};
use fewbit_experiment::Failure;
use fewbit_experiment::failure::Code;
use gloo::events::{EventListener, EventListenerOptions};
use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
pub use web_sys::File;
use web_sys::{
    Blob, BlobPropertyBag, ClipboardEvent, DragEvent, FileList, HtmlAnchorElement, HtmlInputElement, Url,
};

use super::folder;

/// The bytes of a file that was dropped or picked.
///
/// # Errors
/// [`Code::Fetch`] if the browser does not let us read it.
pub async fn read(file: &File) -> Result<Uint8Array, Failure> {
    JsFuture::from(file.array_buffer())
        .await
        .map(|buffer| Uint8Array::new(&buffer))
        .map_err(|_| Failure::new(Code::Fetch, "the browser could not read this file").at(file.name()))
}

/// Offers bytes for saving under `name`.
///
/// # Errors
/// [`Code::Fetch`] if the browser refuses.
pub fn offer(name: &str, mime: &str, bytes: &Uint8Array) -> Result<(), Failure> {
    let refuse = |_| Failure::new(Code::Fetch, "the browser does not let us save a file").at(name);
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let blob = Blob::new_with_u8_array_sequence_and_options(&Array::of1(bytes), &options).map_err(refuse)?;
    let url = Url::create_object_url_with_blob(&blob).map_err(refuse)?;
    let document = web_sys::window().and_then(|window| window.document());
    let anchor = document.and_then(|document| document.create_element("a").ok());
    if let Some(anchor) = anchor.and_then(|element| element.dyn_into::<HtmlAnchorElement>().ok()) {
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
    }
    Url::revoke_object_url(&url).map_err(refuse)
}

/// Offers a text for saving under `name`.
///
/// # Errors
/// As [`offer`].
pub fn offer_text(name: &str, mime: &str, text: &str) -> Result<(), Failure> {
    offer(name, mime, &Uint8Array::from(text.as_bytes()))
}

/// What a person gave us.
pub enum Picked {
    /// A file's name, and its bytes or why there are none.
    Read(String, Result<Uint8Array, Failure>),
    /// Files that may be larger than memory, and what belongs to them: they are read where they lie.
    Kept(Vec<File>),
    /// A person's own data: pictures, tables, texts, and what belongs to them.
    Data(Vec<Given>),
}

/// A file with the path inside the folder that it was given in, or its name.
pub struct Given {
    /// Its path, `/` between the parts.
    pub path: String,
    /// It.
    pub file: File,
}

impl Given {
    /// A file as the browser hands it over.
    pub fn new(file: File) -> Self {
        let within = Reflect::get(&file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
        let path = within.filter(|path| !path.is_empty()).unwrap_or_else(|| file.name());
        Self { path, file }
    }
}

/// How the names of files end that are read where they lie.
const KEPT: [&str; 3] = [".safetensors", ".gguf", ".json"];

/// The bytes of the largest file that is read as a whole.
pub const MOST_READ: u64 = 640 << 20;

/// Whether a file of this name is read where it lies.
fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|end| name.to_lowercase().ends_with(end))
}

/// Bytes as a file of this name.
pub fn of_bytes(name: &str, bytes: &Uint8Array) -> Option<File> {
    File::new_with_u8_array_sequence(&Array::of1(bytes), name).ok()
}

/// Lets the person pick files of these kinds (as in `accept`), and hands them over as [`take`].
pub fn pick(accept: &str, then: impl Fn(Picked) + 'static) {
    choose(|input| input.set_accept(accept), move |given| take(given, then));
}

/// Lets the person pick files, as [`pick`], and hands them over together.
pub fn pick_given(accept: &str, then: impl Fn(Vec<Given>) + 'static) {
    choose(|input| input.set_accept(accept), then);
}

/// Lets the person pick a folder, and hands over all files inside.
pub fn pick_folder(then: impl Fn(Vec<Given>) + 'static) {
    choose(|input| input.set_attribute("webkitdirectory", "").unwrap_or_default(), then);
}

fn choose(prepare: impl FnOnce(&HtmlInputElement), then: impl FnOnce(Vec<Given>) + 'static) {
    let document = web_sys::window().and_then(|window| window.document());
    let input = document.and_then(|document| document.create_element("input").ok());
    let Some(input) = input.and_then(|element| element.dyn_into::<HtmlInputElement>().ok()) else { return };
    input.set_type("file");
    input.set_multiple(true);
    prepare(&input);
    let chosen = input.clone();
    EventListener::once(&input, "change", move |_| then(listed(chosen.files()))).forget();
    input.click();
}

fn listed(files: Option<FileList>) -> Vec<Given> {
    let files = files.map(|list| (0..list.length()).filter_map(|i| list.get(i)).collect::<Vec<_>>());
    files.unwrap_or_default().into_iter().map(Given::new).collect()
}

/// Hears of files that are dropped anywhere on the page, for as long as the page lives.
pub fn on_drop(then: impl Fn(Picked) + Clone + 'static) {
    let Some(window) = web_sys::window() else { return };
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&window, "dragover", options, |event| event.prevent_default()).forget();
    EventListener::new_with_options(&window, "drop", options, move |event| {
        event.prevent_default();
        let Some(data) = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer) else { return };
        let then = then.clone();
        match folder::dropped(&data) {
            Some(entries) => {
                leptos::task::spawn_local(async move { take(folder::files(entries).await, then) })
            }
            None => take(listed(data.files()), then),
        }
    })
    .forget();
}

/// Hears of files that are pasted anywhere on the page, for as long as the page lives.
pub fn on_paste(then: impl Fn(Picked) + Clone + 'static) {
    let Some(window) = web_sys::window() else { return };
    EventListener::new(&window, "paste", move |event| {
        let data = event.dyn_ref::<ClipboardEvent>().and_then(ClipboardEvent::clipboard_data);
        take(listed(data.and_then(|data| data.files())), then.clone());
    })
    .forget();
}

/// Hands files over as what they are. Beside a checkpoint, whose folder also has texts and pictures about it, data do not count; and
/// of a folder nothing does that is none of this.
pub fn take(given: Vec<Given>, then: impl Fn(Picked) + 'static) {
    let ends = |given: &Given, ends: &[&str]| {
        let path = given.path.to_lowercase();
        ends.iter().any(|end| path.ends_with(end))
    };
    let is_checkpoint = given.iter().any(|given| ends(given, &[".safetensors", ".gguf"]));
    let (mut data, mut kept, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for given in given {
        let is_data = is_companion(&given.path) || Kind::of(slice::from_ref(&given.path)).is_some();
        let is_kept = is_kept(&given.path) || given.file.size() as u64 > MOST_READ;
        if is_data && !is_checkpoint {
            data.push(given);
        } else if is_kept {
            kept.push(given.file);
        } else if ends(&given, &[".onnx", ".npz"]) || !is_data && !given.path.contains('/') {
            read.push(given.file);
        }
    }
    leptos::task::spawn_local(async move {
        if !kept.is_empty() {
            then(Picked::Kept(kept));
        }
        for file in read {
            then(Picked::Read(file.name(), self::read(&file).await));
        }
        if !data.is_empty() {
            then(Picked::Data(data));
        }
    });
}
