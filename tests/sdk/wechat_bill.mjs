// wechatpay-axios-plugin, unmodified, asks for a bill and downloads it.
// Arguments: base URL, file with GET /sim/credentials, date, seconds that the simulator is ahead.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import plugin from "wechatpay-axios-plugin";

const { Wechatpay, Formatter } = plugin;
const [baseURL, file, bill_date, ahead] = process.argv.slice(2);
const creds = JSON.parse(readFileSync(file, "utf8")).wechat;
const now = Date.now;
Date.now = () => now() + 1000 * Number(ahead); // this machine's clock, set to the simulator's
Formatter.timestamp = () => Math.floor(Date.now() / 1000);

const wxpay = new Wechatpay({
  mchid: creds.sp_mchid,
  serial: creds.merchant_serial,
  privateKey: creds.merchant_private_key,
  certs: { [creds.public_key_id]: creds.public_key },
  baseURL,
  headers: { "Wechatpay-Serial": creds.public_key_id },
});

const { data } = await wxpay.v3.bill.tradebill.get({ params: { bill_date } });
const url = new URL(data.download_url);
const got = await wxpay.v3.billdownload.file.get({
  params: Object.fromEntries(url.searchParams),
  responseType: "arraybuffer",
  transformResponse: [],
});
const body = Buffer.from(got.data);
console.log(
  JSON.stringify({
    hash_value: data.hash_value,
    sha1: createHash("sha1").update(body).digest("hex"),
    lines: body.toString("utf8").trimEnd().split("\n").length,
  }),
);
