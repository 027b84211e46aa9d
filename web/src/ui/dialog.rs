//! A modal dialog: the browser's own, which keeps the focus inside and closes on Escape.

use leptos::html;
use leptos::prelude::*;

use crate::i18n::words;

/// A modal dialog that is open while `open` is true.
#[component]
pub fn Dialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// What is in it.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = node.get() {
            match (open.get(), dialog.open()) {
                (true, false) => {
                    dialog.show_modal().ok();
                }
                (false, true) => dialog.close(),
                _ => {}
            }
        }
    });
    let children = StoredValue::new(children);
    view! {
        <dialog node_ref=node aria-label=title on:close=move |_| open.set(false)>
            <div class="head">
                <h2>{title}</h2>
                <span class="grow"></span>
                <button class="icon" aria-label=move || words().shell.close on:click=move |_| open.set(false)>"✕"</button>
            </div>
            <Show when=move || open.get()>{children.with_value(|children| children())}</Show>
        </dialog>
    }
}
