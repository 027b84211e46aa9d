//! A word whose definition is one hover, or one Tab, away.

use leptos::prelude::*;

/// A term with its definition.
#[component]
pub fn Term(
    /// What it means: formula, unit, which way is better.
    #[prop(into)]
    meaning: Signal<String>,
    /// The term.
    children: Children,
) -> impl IntoView {
    view! {
        <span class="term" tabindex="0">
            {children()}
            <span class="meaning" role="tooltip">{meaning}</span>
        </span>
    }
}
