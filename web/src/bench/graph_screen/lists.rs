//! Plain parts of the panel of facts: pairs, lists, and buttons.

use leptos::prelude::*;

/// What is said, with what it is about.
pub fn pairs(rows: Vec<(String, String)>) -> AnyView {
    let row = |(head, text)| view! { <div><dt>{head}</dt><dd>{text}</dd></div> };
    view! { <dl class="facts-list">{rows.into_iter().map(row).collect_view()}</dl> }.into_any()
}

/// Lines that can be unfolded; nothing where there are none.
pub fn unfolded(head: String, content: Option<AnyView>) -> Option<AnyView> {
    content.map(|content| view! { <details><summary>{head}</summary>{content}</details> }.into_any())
}

/// Lines, one below the other.
pub fn lines(lines: Vec<String>) -> AnyView {
    view! { <ul>{lines.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul> }.into_any()
}

/// A button: its class, what is on it, what it is called, and what it does.
pub fn button(
    class: &'static str,
    mark: Signal<&'static str>,
    name: Option<Signal<&'static str>>,
    run: Callback<()>,
) -> AnyView {
    view! { <button class=class title=name aria-label=name on:click=move |_| run.run(())>{mark}</button> }
        .into_any()
}
