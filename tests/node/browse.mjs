// Opens one page in headless Chromium and tells what it did: its requests, its canvas, its own account of events.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const { executable, profile, screenshot, url, waitForMap, watchSeconds } = JSON.parse(readFileSync(0, "utf8"));

const context = await chromium.launchPersistentContext(profile, {
  executablePath: executable,
  viewport: { width: 600, height: 400 },
  args: [
    // WebGL without a graphics card.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    // Nothing leaves this machine, neither by page nor by browser.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
});
context.setDefaultTimeout(20_000);

async function seenBy(page) {
  const requests = new Map();
  const note = (request, status) => {
    const authorization = request.headers().authorization ?? null;
    requests.set(request, { url: request.url(), host: new URL(request.url()).hostname, status, authorization });
  };
  // Of the context, not of the page: the SDK fetches from workers too. Status 0 stands for no answer.
  context.on("request", (request) => note(request, 0));
  context.on("response", (answer) => note(answer.request(), answer.status()));
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(url);
  if (waitForMap) {
    await page.waitForFunction(() => window.told.drawn);
  }
  await page.waitForTimeout(watchSeconds * 1000);
  return { told: await page.evaluate(() => window.told), requests: [...requests.values()], problems };
}

// How many pixels of the screenshot have which colour, counted by the browser itself.
function countColours(encoded) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onerror = () => reject(new Error("the screenshot is no image"));
    image.onload = () => {
      const canvas = new OffscreenCanvas(image.width, image.height);
      const painter = canvas.getContext("2d");
      painter.drawImage(image, 0, 0);
      const { data } = painter.getImageData(0, 0, image.width, image.height);
      const counts = {};
      for (let at = 0; at < data.length; at += 4) {
        const colour = `${data[at]},${data[at + 1]},${data[at + 2]}`;
        counts[colour] = (counts[colour] ?? 0) + 1;
      }
      resolve(counts);
    };
    image.src = `data:image/png;base64,${encoded}`;
  });
}

try {
  const page = context.pages()[0];
  const seen = await seenBy(page);
  const png = await page.screenshot({ path: screenshot });
  seen.colours = await page.evaluate(countColours, png.toString("base64"));
  console.log(JSON.stringify(seen));
} finally {
  await context.close();
}
