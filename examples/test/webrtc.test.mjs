// The video call in a real browser, with Chromium's fake camera: a pattern that moves all the time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { twoHosts } from "../../proxy/tests/browser/hosts.mjs";
import { startProxy } from "../../proxy/tests/browser/proxy.mjs";
import { FAKE_MEDIA, looksWell, TEST_MS_MAX, until, world } from "../../proxy/tests/browser/world.mjs";

const CALL = "/examples/webrtc/";

async function join(open, name, how = "Join with camera") {
  const page = await open(CALL);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: how }).click();
  await page.locator("#state[data-state=open]").waitFor();
  return page;
}

/** Waits until `page` shows a picture of `name` that moves. */
const seesMove = (page, name) => until(page, async name => {
  const item = Array.from(document.querySelectorAll("#tiles li:not(.me)"))
    .find(each => each.querySelector(".plate").textContent === name);
  const video = item?.querySelector("video");
  if (!video?.videoWidth) return false;
  const canvas = new OffscreenCanvas(160, 120);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const look = () => {
    context.drawImage(video, 0, 0, 160, 120);
    return context.getImageData(0, 0, 160, 120).data;
  };
  const before = look();
  await new Promise(next => video.requestVideoFrameCallback(next));
  await new Promise(next => video.requestVideoFrameCallback(next));
  return look().filter((value, index) => Math.abs(value - before[index]) > 30).length > 20;
}, name);

const tiles = (page, ...names) => until(page, expected => expected === Array.from(
  document.querySelectorAll("#tiles li:not(.me) .plate"), each => each.textContent).sort().join(),
names.sort().join());

/** The ids of the streams that a page shows of others, and of its own. */
const streams = page => page.evaluate(() => ["#tiles li:not(.me) video", "#tiles .me video"].map(
  which => Array.from(document.querySelectorAll(which), video => video.srcObject?.id).sort()));

test("two see each other move, a third joins, and who leaves is gone", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t, { flags: FAKE_MEDIA });
  const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
  await seesMove(ann, "Bob");
  await seesMove(bob, "Ann");
  const [[ofBob], [annsOwn]] = await streams(ann);
  const [[ofAnn], [bobsOwn]] = await streams(bob);
  assert.deepEqual([ofBob, ofAnn], [bobsOwn, annsOwn], "each is shown the other's, not its own");
  const carol = await join(open, "Carol");
  for (const page of [ann, bob]) await seesMove(page, "Carol");
  for (const name of ["Ann", "Bob"]) await seesMove(carol, name);
  await bob.bringToFront();
  await bob.getByRole("button", { name: "Leave" }).click();
  await tiles(ann, "Carol");
  await tiles(carol, "Ann");
  await bob.getByRole("button", { name: "Join with camera" }).click();
  await seesMove(ann, "Bob");
  await seesMove(bob, "Carol");
  await carol.close({ runBeforeUnload: true });
  await tiles(ann, "Bob");
  assert.deepEqual(problems, []);
});

test("two that begin at once are connected, and neither takes a first offer back", TEST_MS_MAX,
  async t => {
    const { problems, open } = await world(t, { flags: FAKE_MEDIA });
    const page = await open(CALL);
    const seen = await page.evaluate(async () => {
      const states = []; // of each connection, in order
      globalThis.RTCPeerConnection = class extends RTCPeerConnection {
        constructor() {
          super();
          const own = [];
          states.push(own);
          this.addEventListener("signalingstatechange", () => own.push(this.signalingState));
        }
      };
      const { Peer } = await import("./peer.js");
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      // What one says is held until both have said their offers: so they always collide.
      const held = [];
      const offered = new Set();
      let deliver = signal => held.push(signal);
      const peers = [];
      const connected = [0, 1].map(me => new Promise(resolve => {
        peers.push(new Peer(me === 0, stream, {
          signal(body) {
            if (body.description?.type === "offer") offered.add(me);
            deliver([1 - me, JSON.parse(JSON.stringify(body))]);
            if (offered.size < 2 || held.length === 0) return;
            deliver = ([to, signal]) => peers[to].hear(signal);
            for (const signal of held.splice(0)) deliver(signal);
          },
          track() {},
          state: state => state === "connected" && resolve(),
        }));
      }));
      await Promise.all(connected);
      for (const peer of peers) peer.close();
      return states;
    });
    const back = ["have-local-offer", "stable", "have-remote-offer"].join();
    assert.ok(seen.every(states => !states.join().includes(back)), JSON.stringify(seen));
    assert.deepEqual(problems, []);
  });

test("a second click while the browser asks for the camera joins once", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t, { flags: FAKE_MEDIA });
  const page = await open(CALL);
  await page.evaluate(() => {
    for (let i = 0; i < 3; i += 1) document.getElementById("join").requestSubmit();
  });
  await page.locator("#state[data-state=open]").waitFor();
  const bob = await join(open, "Bob");
  await seesMove(page, "Bob");
  assert.equal(await page.locator("#tiles li").count(), 2);
  assert.equal(await bob.locator("#tiles li").count(), 2);
  assert.deepEqual(problems, []);
});

test("a camera that is turned off shows black, and one may only watch", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t, { flags: FAKE_MEDIA });
  const ann = await join(open, "Ann");
  const bob = await join(open, "Bob", "Only watch");
  await seesMove(bob, "Ann");
  await tiles(ann, "Bob");
  assert.ok(await bob.getByRole("button", { name: "Mute microphone" }).isDisabled());
  await ann.bringToFront();
  await ann.getByRole("button", { name: "Turn camera off" }).click();
  await until(bob, () => {
    const context = new OffscreenCanvas(16, 12).getContext("2d");
    context.drawImage(document.querySelector("#tiles li:not(.me) video"), 0, 0, 16, 12);
    const { data } = context.getImageData(0, 0, 16, 12);
    return data.every((value, index) => index % 4 === 3 || value < 20);
  });
  await ann.getByRole("button", { name: "Turn camera off" }).click();
  await seesMove(bob, "Ann");
  assert.deepEqual(problems, []);
});

test("the call goes on while the proxy is away, and one who was given up is back", TEST_MS_MAX,
  async t => {
    const { proxy, open } = await world(t, { flags: FAKE_MEDIA });
    const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
    await seesMove(ann, "Bob");
    await seesMove(bob, "Ann");
    const [before] = await streams(ann);
    await proxy.stop();
    await ann.getByText(/^No proxy answers at/).waitFor();
    await seesMove(ann, "Bob");
    const again = await startProxy({ port: proxy.port });
    t.after(() => again.kill());
    for (const page of [ann, bob]) await page.locator("#state[data-state=open]").waitFor();
    await seesMove(ann, "Bob");
    assert.deepEqual((await streams(ann))[0], before, "the connection was made anew");
    // Bob takes Ann for gone, as if she had slept; she knows nothing of it.
    const id = await bob.locator("#tiles li:not(.me)").getAttribute("data-id");
    await ann.evaluate(([host, from]) => new Promise(resolve => {
      const socket = new BroadcastWebSocket("example-webrtc", [], { proxy: `ws://${host}` });
      socket.onopen = () => {
        socket.send(JSON.stringify({ type: "bye", from, name: "Ann" }));
        resolve();
      };
    }), [proxy.host, id]);
    await tiles(bob);
    await tiles(bob, "Ann");
    await seesMove(bob, "Ann");
    await seesMove(ann, "Bob");
  });

test("who says nothing on the channel stays for as long as the picture comes", TEST_MS_MAX,
  async t => {
    const { problems, open, context } = await world(t, { flags: FAKE_MEDIA });
    await context.addInitScript(() => {
      globalThis.asks = 0;
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function sendOrNot(text) {
        if (JSON.parse(text).type === "ask") globalThis.asks += 1;
        if (!globalThis.silent) send.call(this, text);
      };
    });
    const [ann, bob] = [await join(open, "Ann"), await join(open, "Bob")];
    await seesMove(ann, "Bob");
    await seesMove(bob, "Ann");
    const [before] = await streams(bob);
    await ann.evaluate(() => { globalThis.silent = true; });
    const asked = await bob.evaluate(() => globalThis.asks);
    await until(bob, asked => globalThis.asks >= asked + 5, asked); // three would be enough
    assert.deepEqual((await streams(bob))[0], before);
    await seesMove(bob, "Ann");
    await ann.close();
    await tiles(bob);
    await bob.getByText("Ann is gone").waitFor({ state: "attached" });
    assert.deepEqual(problems, []);
  });

test("without a camera it says what to do", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t);
  const page = await open(CALL);
  await page.getByRole("button", { name: "Join with camera" }).click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /join again, or only watch\.$/);
  await page.getByRole("button", { name: "Only watch" }).click();
  await page.locator("#state[data-state=open]").waitFor();
  assert.ok(await alert.isHidden());
  assert.deepEqual(problems, []);
});

/** The address that a page offers to others, as far as its browser tells it. */
const addressOf = page => page.evaluate(() => new Promise(resolve => {
  const connection = new RTCPeerConnection();
  connection.onicecandidate = ({ candidate }) => candidate?.protocol === "udp"
    && resolve(candidate.address);
  connection.createDataChannel("any");
  connection.setLocalDescription();
}));

test("two hosts see each other move, also one who only watches", TEST_MS_MAX, async t => {
  // Here the person is asked: who may use the camera is told the machine's addresses, too.
  const hosts = await twoHosts(t, { flags: ["--use-fake-device-for-media-stream"] });
  if (hosts === null) return;
  for (const { context } of hosts) await context.grantPermissions(["camera", "microphone"]);
  const ann = await join(hosts[0].open, "Ann");
  const bob = await join(hosts[1].open, "Bob");
  await seesMove(ann, "Bob");
  await seesMove(bob, "Ann");
  assert.match(await addressOf(bob), /^10\.78\.0\.2$/);
  await bob.close({ runBeforeUnload: true });
  await tiles(ann);
  await hosts[1].context.clearPermissions();
  const carol = await join(hosts[1].open, "Carol", "Only watch");
  assert.match(await addressOf(carol), /^[-0-9a-f]+\.local$/);
  await seesMove(carol, "Ann");
  for (const { problems } of hosts) assert.deepEqual(problems, []);
});

test("it looks well and can be used by all", TEST_MS_MAX, async t => {
  const { problems, open } = await world(t, { flags: FAKE_MEDIA });
  await join(open, "Bob");
  await join(open, "Carol");
  const ann = await join(open, "Ann");
  await seesMove(ann, "Bob");
  await seesMove(ann, "Carol");
  await looksWell(ann, "webrtc");
  await looksWell(await open(CALL), "webrtc-join");
  assert.deepEqual(problems, []);
});
