//! Leaving the viewer: corrections that are not saved are asked about first, whatever it is left for.

use eframe::egui::{Context, ViewportCommand};

use super::Window;
use super::commands::Next;

impl Window {
    /// Goes there, unless corrections would be lost: then it is asked first.
    pub(super) fn go(&mut self, next: Next, ctx: &Context) {
        if self.film.as_ref().is_some_and(|film| film.viewer.has_unsaved()) {
            self.leaving = Some(next);
            return;
        }
        self.leaving = None;
        match next {
            Next::Live => self.back(),
            Next::Play(source) => self.play(source, None),
            Next::View(table, video) => self.view_of(table, video),
            Next::Quit => {
                self.film = None;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }

    /// Leaves the viewer for what played before it: another source, or else the film itself.
    fn back(&mut self) {
        if self.film.take().is_none() {
            return;
        }
        match self.before.take() {
            Some(source) => self.play(source, None),
            None => self.live.again(),
        }
    }

    /// Goes where was asked to go, without the corrections.
    pub(super) fn leave_without(&mut self) {
        let Some(next) = self.leaving.take() else { return };
        if next == Next::Live {
            return self.back();
        }
        self.film = None;
        let ctx = self.context.clone();
        self.go(next, &ctx);
    }

    /// Somebody closes the window by other means than ours.
    pub(super) fn watch_closing(&mut self, ctx: &Context) {
        let closing = ctx.input(|input| input.viewport().close_requested());
        if closing && self.film.as_ref().is_some_and(|film| film.viewer.has_unsaved()) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.leaving = Some(Next::Quit);
        }
    }

    /// Saving has ended: goes on to where was asked to go.
    pub(super) fn saved(&mut self) {
        if let Some(next) = self.leaving.take() {
            let ctx = self.context.clone();
            self.go(next, &ctx);
        }
    }
}
