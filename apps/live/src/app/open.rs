//! The window on the screen.

use std::time::Duration;

use eframe::egui::{self, Context, Ui};

use super::{Start, Window};
use crate::pipeline::Setup;

impl eframe::App for Window {
    fn logic(&mut self, _: &Context, frame: &mut eframe::Frame) {
        let pass = frame.info().cpu_usage.map(Duration::from_secs_f32);
        Window::logic(self, pass);
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        Window::ui(self, ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self) {
        self.remember();
        self.live.log_numbers();
    }
}

/// `desktop/affekt-live.svg`, 256 pixels wide.
const ICON: &[u8] = include_bytes!("../../desktop/affekt-live.png");

/// Opens the window and shows it until it is closed.
///
/// # Errors
/// No window can be opened; the message says what to do.
pub fn show(start: Start, setup: impl FnOnce(Context) -> Setup + 'static) -> Result<(), String> {
    if let Some(problem) = no_desktop() {
        return Err(problem);
    }
    let viewport = egui::ViewportBuilder::default()
        .with_title("affekt live")
        .with_app_id("affekt-live")
        .with_inner_size(start.state.window)
        .with_min_inner_size([360.0, 360.0]);
    // Where the desktop finds no icon by the window's id, it takes this one.
    let viewport = match eframe::icon_data::from_png_bytes(ICON) {
        Ok(icon) => viewport.with_icon(icon),
        Err(error) => {
            log::warn!("the window's icon: {error}");
            viewport
        }
    };
    // There are no gradients that dithering would help.
    let mut options =
        eframe::NativeOptions { viewport, dithering: false, ..eframe::NativeOptions::default() };
    // A frame that waits to be shown is a frame that grows old.
    options.wgpu_options.surface.desired_maximum_frame_latency = Some(1);
    let make = move |cc: &eframe::CreationContext<'_>| {
        let setup = setup(cc.egui_ctx.clone());
        let window = Window::new(&cc.egui_ctx, start, setup)?;
        Ok(Box::new(window) as Box<dyn eframe::App>)
    };
    eframe::run_native("affekt-live", options, Box::new(make)).map_err(|error| {
        format!(
            "no window can be opened: {error}; it needs a graphics driver with Vulkan, Metal or Direct3D 12 (on Debian: \
             mesa-vulkan-drivers)"
        )
    })
}

/// Why no window can be had, where that is known before one is asked for.
fn no_desktop() -> Option<String> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let needs_one = cfg!(all(unix, not(target_os = "macos")));
    (needs_one && !["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(is_set)).then(|| {
        "there is no desktop to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set; start it from a desktop, or \
         read videos with `affekt analyze` and cameras with `affekt stream`"
            .into()
    })
}
