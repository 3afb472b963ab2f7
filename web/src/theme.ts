// Light, dark, or as the system has it. The choice is kept in this browser.
import { byId } from "./dom";

const kThemes = ["auto", "light", "dark"] as const;
const kStore = "lode-theme";

export function setUpTheme(): void {
  const button = byId("theme");
  let at = 0;
  try {
    at = Math.max(0, (kThemes as readonly string[]).indexOf(localStorage.getItem(kStore) ?? "auto"));
  } catch {
    // a browser without storage asks the system
  }
  const apply = () => {
    const theme = kThemes[at]!;
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    button.textContent = `Theme: ${theme}`;
    button.title = theme === "auto" ? "Light or dark as the system has it" : "";
  };
  button.addEventListener("click", () => {
    at = (at + 1) % kThemes.length;
    apply();
    try {
      localStorage.setItem(kStore, kThemes[at]!);
    } catch {
      // kept for this page only
    }
  });
  apply();
}
