//! A file that the address names (`?url=`): opened if the person agrees.

use leptos::prelude::*;

use crate::i18n::words;
use crate::platform::page::{self, Remote};
use crate::state::Desk;
use crate::ui::dialog::Dialog;

/// Asks about the file that the address names, if it names one.
#[component]
pub fn FromAddress() -> impl IntoView {
    page::remote().map(|remote| view! { <Ask remote /> })
}

#[component]
fn Ask(remote: Remote) -> impl IntoView {
    let desk = Desk::here();
    let open = RwSignal::new(true);
    let Remote { address, name, is_ours } = remote;
    let fetch_it = {
        let (address, name) = (address.clone(), name.clone());
        move |_| {
            open.set(false);
            desk.fetch_file(address.clone(), name.clone());
        }
    };
    view! {
        <Dialog open title=Signal::derive(|| words().shell.remote.to_owned())>
            <p>{
                let (address, name) = (address.clone(), name.clone());
                move || match is_ours {
                    true => (words().shell.remote_ask)(&name, &address),
                    false => (words().shell.remote_foreign)(&address),
                }
            }</p>
            <div class="row">
                {is_ours.then(|| view! { <button class="primary" on:click=fetch_it.clone()>{move || words().shell.remote_open}</button> })}
                <button class="chip" on:click=move |_| open.set(false)>{move || words().shell.remote_leave}</button>
            </div>
        </Dialog>
    }
}
