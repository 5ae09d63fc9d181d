//! What works the window: a mouse, or keys alone, pressed as the hardware would.

use std::time::Duration;

use serde_json::json;

use crate::{app::App, desktop::Desktop};

/// The steps that a focus takes at most: once around the longest screen.
const STEPS: usize = 90;

/// One that works the window.
pub(crate) struct Hand<'a> {
    desktop: &'a Desktop,
    app: &'a App,
    keys: bool,
}

fn css(id: &str) -> String {
    format!("[data-testid='{id}']")
}

impl<'a> Hand<'a> {
    pub(crate) fn new(desktop: &'a Desktop, app: &'a App, keys: bool) -> Self {
        Self { desktop, app, keys }
    }

    /// Goes to a screen: by its link, or by the key with its number.
    pub(crate) async fn go(&self, screen: &str, number: u8) {
        if self.keys {
            self.desktop.keys(&[&format!("ctrl+{number}")]);
            let address = format!("#/{screen}");
            self.app
                .until(&format!("the screen {screen}"), || async {
                    let now = self.app.page.execute("return location.hash", vec![]).await.ok()?;
                    now.as_str()?.starts_with(&address).then_some(())
                })
                .await;
        } else {
            self.app.click(&format!("nav-{screen}")).await;
        }
    }

    /// Presses a button or follows a link.
    pub(crate) async fn press(&self, id: &str) {
        self.press_css(&css(id)).await;
    }

    pub(crate) async fn press_css(&self, css: &str) {
        if self.keys {
            self.tab_to(css).await;
            self.desktop.keys(&["Return"]);
        } else {
            self.app.click_css(css).await;
        }
    }

    /// Chooses a radio button.
    pub(crate) async fn tick(&self, id: &str) {
        if !self.keys {
            return self.app.click(id).await;
        }
        // Tab goes to the one of a group that is chosen, the arrows to the others
        let group = self.app.find(id).await.attr("name").await.unwrap().unwrap();
        self.tab_to(&format!("input[name='{group}']")).await;
        for _ in 0..8 {
            if self.has_focus(&css(id)).await {
                return;
            }
            self.step("Down").await;
        }
        panic!("{id} can't be chosen by keys");
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, id: &str, text: &str) {
        if !self.keys {
            return self.app.fill(id, text).await;
        }
        self.tab_to(&css(id)).await;
        self.desktop.keys(&["ctrl+a"]);
        self.desktop.type_text(text);
    }

    /// Chooses an entry of a select by its text.
    pub(crate) async fn choose(&self, id: &str, text: &str) {
        let select = self.app.find(id).await;
        if self.keys {
            self.tab_to(&css(id)).await;
            self.desktop.type_text(text);
        } else {
            let option = format!("//select[@data-testid='{id}']/option[contains(., '{text}')]");
            let option = fantoccini::Locator::XPath(&option);
            self.app.page.find(option).await.unwrap().click().await.unwrap();
        }
        let script = "const [at] = arguments; return at.selectedOptions[0].textContent";
        let element = serde_json::to_value(&select).unwrap();
        self.app
            .until(&format!("{text} chosen"), || async {
                let now = self.app.page.execute(script, vec![element.clone()]).await.ok()?;
                now.as_str()?.contains(text).then_some(())
            })
            .await;
    }

    /// Opens a menu and takes one of its entries.
    pub(crate) async fn menu(&self, id: &str, entry: &str) {
        self.press(id).await;
        self.app.find(entry).await;
        if !self.keys {
            return self.app.click(entry).await;
        }
        for _ in 0..10 {
            if self.has_focus(&css(entry)).await {
                self.desktop.keys(&["Return"]);
                return;
            }
            self.step("Down").await;
        }
        panic!("{entry} can't be reached by the arrows");
    }

    /// Opens a row of a tree.
    pub(crate) async fn open_row(&self, name: &str) {
        let row = self.row(name).await;
        if self.keys {
            self.desktop.keys(&["Right"]);
        } else {
            self.app.click_css(&format!("{row} [data-toggle]")).await;
        }
        self.app.find_css(&format!("{row}[aria-expanded='true']")).await;
    }

    /// Ticks a row of a tree.
    pub(crate) async fn tick_row(&self, name: &str) {
        let row = self.row(name).await;
        if self.keys {
            self.desktop.keys(&["space"]);
        } else {
            self.app.click_css(&format!("{row} [data-check]")).await;
        }
        self.app.find_css(&format!("{row} [data-check][aria-checked='true']")).await;
    }

    /// Finds a row; by keys, goes there.
    async fn row(&self, name: &str) -> String {
        let row = format!("[data-testid='browse-row'][data-name='{name}']");
        self.app.find_css(&row).await;
        if self.keys {
            self.tab_to("[role='treegrid']").await;
            self.step("Home").await;
            for _ in 0..STEPS {
                if self.is_current(&row).await {
                    return row;
                }
                self.step("Down").await;
            }
            panic!("{name} can't be reached by the arrows");
        }
        row
    }

    /// Presses Tab until the element has the focus.
    pub(crate) async fn tab_to(&self, css: &str) {
        self.app.find_css(css).await;
        let mut seen = Vec::new();
        for _ in 0..STEPS {
            if self.has_focus(css).await {
                return;
            }
            let script = "const at = document.activeElement;
                return at && at.dataset.testid || String(at && at.tagName);";
            seen.push(self.app.page.execute(script, vec![]).await.unwrap());
            self.step("Tab").await;
        }
        self.app.picture("gave-up").await;
        panic!("{css} can't be reached by Tab; seen: {seen:?}");
    }

    async fn has_focus(&self, css: &str) -> bool {
        let script = "return document.activeElement.matches(arguments[0])";
        self.app.page.execute(script, vec![json!(css)]).await.unwrap() == json!(true)
    }

    /// Whether a row is the one that the tree, which keeps the focus itself, names.
    async fn is_current(&self, css: &str) -> bool {
        let script = "const id = document.activeElement.getAttribute('aria-activedescendant');
            return document.getElementById(id)?.matches(arguments[0]) ?? false";
        self.app.page.execute(script, vec![json!(css)]).await.unwrap() == json!(true)
    }

    async fn step(&self, key: &str) {
        self.desktop.keys(&[key]);
        // the key goes through the X server: there is nothing to await
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
}
