// Drives the extension in a real editor: code-server, in a Chromium.
//
//   node e2e/drive.mjs CODE_SERVER VSIX PYTHON [FOLDER]
//
// CODE_SERVER is the package's out/node/entry.js (npm install code-server), VSIX what `npm run package` made, PYTHON has the
// recorder installed. FOLDER is for the pictures. CHROMIUM names the browser (default: /usr/bin/chromium). What
// does not hold ends it with a status of 1.

import { button, command, drive, line, open, page, picture, stands } from "./editor.mjs";

const PROGRAM = `class Basket:
    def __init__(self):
        self.items = []

    def add(self, name, price):
        self.items.append((name, price))


def total(basket):
    t = 0
    for name, price in basket.items:
        t += price
    return t


def main():
    b = Basket()
    for k, n in enumerate("abcd"):
        b.add(n, k)
    print(total(b))


if __name__ == "__main__":
    main()
`;

await drive({ "shop.py": PROGRAM }, async () => {
  await open("shop.py");
  await line(12);
  await command("Debug: Toggle Breakpoint");
  await page.locator(".codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified").first().waitFor();
  await page.keyboard.press("F5");
  await stands("module __main__", 1);
  await picture("1-entry");

  await button("continue").click();
  await stands("total", 12);
  await page.locator(".view-lines", { hasText: "price = 0" }).first().waitFor();
  await page.locator(".codelens-decoration", { hasText: "called 4 times" }).first().waitFor();
  await picture("2-breakpoint");

  await button("step-over").click();
  await stands("total", 11);
  await button("step-back").click();
  await stands("total", 12);
  await button("continue").click();
  await page.locator(".view-lines", { hasText: "price = 1" }).first().waitFor();
  await button("reverse-continue").click();
  await page.locator(".view-lines", { hasText: "price = 0" }).first().waitFor();
  await picture("3-back");
});
