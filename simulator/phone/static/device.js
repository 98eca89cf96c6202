// The phone itself: scanning a link, the framed page, its bridge calls, going back, being closed.

const find = (name) => document.querySelector(`[data-${name}]`);
const WALLETS = { wechat: "微信", alipay: "支付宝", browser: "浏览器" };

export class Device {
  #frame = null;
  #sheet = null;
  #scans = 0;
  #alive = false; // the page in the frame has our bridge
  #here = "";

  constructor({ product, closesAfterPaying, isBroke }) {
    this.product = product;
    this.closesAfterPaying = closesAfterPaying;
    this.isBroke = isBroke;
    this.wallet = "wechat";
    this.link = "";
    this.body = find("dev");
    this.glass = find("glass");
    addEventListener("message", (e) => this.#hear(e));
    addEventListener("popstate", (e) => {
      // Back beyond the first page of this scan: the wallet closes the page.
      if (this.#frame && (e.state?.scan ?? 0) < this.#scans) this.close();
    });
  }

  hold(wallet) {
    this.wallet = wallet;
    this.body.dataset.client = wallet;
    find("wallet-name").textContent = WALLETS[wallet];
  }

  /** Opens the link as the wallet's scanner would, always in a new page. */
  scan(link) {
    this.link = link;
    const address = new URL(link);
    if (address.origin === new URL(this.product).origin) {
      address.searchParams.set("sim_wallet", this.wallet);
    }
    this.#empty();
    this.#scans += 1;
    history.pushState({ scan: this.#scans }, "");
    this.#mount(address.href);
  }

  /** A code of Alipay's own: no page, its sheet at once. */
  scanAlipay(code) {
    this.#empty();
    this.#show("");
    find("idle").hidden = false;
    this.#sheet = window.simSheet({
      host: this.glass,
      sim: location.origin,
      wallet: "alipay",
      params: { qrCode: code },
      broke: this.isBroke(),
      done: () => {
        this.#sheet = null;
      },
    });
  }

  #mount(address) {
    const frame = document.createElement("iframe");
    frame.title = "手机里的页面";
    frame.dataset.frame = "";
    frame.sandbox = "allow-scripts allow-forms allow-same-origin allow-popups allow-modals";
    frame.src = address;
    frame.addEventListener("load", () => this.#loaded());
    this.glass.append(frame);
    this.#frame = frame;
    this.#show(address);
    find("back").disabled = find("reload").disabled = false;
  }

  back() {
    if (this.#frame) history.back();
  }

  reload() {
    if (!this.#frame) this.scan(this.link);
    else if (this.#alive) this.#frame.contentWindow.postMessage({ sim: 1, kind: "reload" }, this.product);
    else this.#frame.src = this.#here;
  }

  /** The Gold Plan: the paying page is closed, WeChat shows a page of its own. */
  #official(path) {
    this.#empty();
    this.#mount(location.origin + path);
  }

  close() {
    this.#empty();
    this.#show("");
    find("closed").hidden = false;
    find("back").disabled = true;
  }

  #empty() {
    this.#sheet?.close();
    this.#sheet = null;
    this.#frame?.remove();
    this.#frame = null;
    this.#alive = false;
    find("idle").hidden = find("closed").hidden = true;
  }

  #show(address) {
    this.#here = address;
    find("address").textContent = address ? decodeURI(new URL(address).pathname) : "";
    find("address").title = address;
  }

  #loaded() {
    // A new document: whoever asked for the sheet is gone. `here` of a page with our bridge came earlier.
    this.#sheet?.close();
    this.#sheet = null;
    if (this.#frame) this.#frame.inert = false;
    try {
      const { href } = this.#frame.contentWindow.location; // readable only for the simulator's own pages
      this.#alive = false;
      if (href !== "about:blank") this.#show(href);
    } catch {
      /* the product's page: it reports itself through the bridge */
    }
  }

  #hear(event) {
    const said = event.data;
    if (!this.#frame || event.source !== this.#frame.contentWindow || said?.sim !== 1) return;
    if (event.origin === location.origin) {
      // WeChat's own page: it is finished, or a link of the receipt is opened.
      if (said.kind === "close") this.close();
      if (said.kind === "open") this.scan(said.url);
      return;
    }
    if (event.origin !== new URL(this.product).origin) return;
    if (said.kind === "here") {
      this.#alive = true;
      this.#show(said.page_url);
    }
    if (said.kind === "close") this.close();
    if (said.kind === "pay" && !this.#sheet) this.#ask(said);
  }

  #ask({ id, wallet, params, page_url }) {
    const frame = this.#frame;
    frame.inert = true;
    this.#sheet = window.simSheet({
      host: this.glass,
      sim: location.origin,
      wallet,
      params,
      page_url,
      broke: this.isBroke(),
      done: (result) => {
        this.#sheet = null;
        frame.inert = false;
        if (result.after) {
          this.#official(result.after);
          return;
        }
        if (wallet === "wechat" && /:ok$/.test(result.err_msg) && this.closesAfterPaying()) {
          this.close();
          return;
        }
        frame.contentWindow?.postMessage({ sim: 1, kind: "paid", id, result }, this.product);
      },
    });
  }
}
