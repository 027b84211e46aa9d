//! What a person prefers, whatever is on the bench: kept in the browser, never in a link.

use leptos::prelude::*;

use crate::i18n::Locale;
use crate::platform::page;

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The next one, for a button that goes round.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The settings.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Light or dark.
    pub theme: RwSignal<Theme>,
    /// The language.
    pub locale: RwSignal<Locale>,
}

impl Settings {
    /// The settings as they were left, else as the browser has them.
    pub fn provide() -> Self {
        let theme = match page::stored("theme").as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        };
        let language = page::query("lang").or_else(|| page::stored("locale")).unwrap_or_else(page::language);
        let locale = if language.starts_with("zh") { Locale::Chinese } else { Locale::English };
        let settings = Self { theme: RwSignal::new(theme), locale: RwSignal::new(locale) };
        provide_context(settings);
        provide_context(settings.locale);
        settings
    }

    /// The settings of this page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Keeps the page and the store as the settings are.
    pub fn follow(self) {
        Effect::new(move |_| {
            let theme = self.theme.get().tag();
            page::set_root("data-theme", theme);
            page::store("theme", theme);
        });
        Effect::new(move |_| {
            let locale = self.locale.get().tag();
            page::set_root("lang", locale);
            page::store("locale", locale);
        });
    }
}
