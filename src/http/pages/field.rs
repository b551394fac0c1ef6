//! One labelled control of a form, with its hint and with what is wrong with it.

use maud::{Markup, html};

/// A field. Its control takes [`Field::id`], [`Field::is_invalid`] and [`Field::described_by`].
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) is_optional: bool,
    pub(super) hint: Option<&'a str>,
    pub(super) flaw: Option<&'a str>,
}

impl Field<'_> {
    pub(super) fn id(&self) -> String {
        format!("field-{}", self.name)
    }

    pub(super) fn is_invalid(&self) -> Option<&'static str> {
        self.flaw.map(|_| "true")
    }

    pub(super) fn described_by(&self) -> Option<String> {
        let parts = [(self.flaw, "flaw"), (self.hint, "hint")];
        let ids: Vec<String> = parts.iter().filter(|(text, _)| text.is_some()).map(|(_, part)| format!("{}-{part}", self.name)).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// The control between its label and its texts.
    pub(super) fn around(&self, control: Markup) -> Markup {
        html! {
            div.field {
                label for=(self.id()) {
                    (self.title)
                    @if self.is_optional { " " span.optional { "optional" } }
                }
                (control)
                @if let Some(flaw) = self.flaw {
                    p.flaw id={ (self.name) "-flaw" } role="alert" { (flaw) }
                }
                @if let Some(hint) = self.hint {
                    p.hint id={ (self.name) "-hint" } { (hint) }
                }
            }
        }
    }

    /// A line to type in.
    pub(super) fn input(&self, kind: &str, value: &str, has_focus: bool) -> Markup {
        self.around(html! {
            input id=(self.id()) name=(self.name) type=(kind) value=(value) maxlength="500" autocomplete="off" required[!self.is_optional]
                autofocus[has_focus] aria-invalid=[self.is_invalid()] aria-describedby=[self.described_by()];
        })
    }
}
