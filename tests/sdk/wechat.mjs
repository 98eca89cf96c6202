// wechatpay-axios-plugin, unmodified, against the simulator: it signs, it verifies every answer.
// Arguments: base URL, file with GET /sim/credentials, openid. Prints one JSON object.
import { readFileSync } from "node:fs";
import plugin from "wechatpay-axios-plugin";

const { Wechatpay, Formatter, Rsa, Aes } = plugin;
const [baseURL, file, openid] = process.argv.slice(2);
const creds = JSON.parse(readFileSync(file, "utf8")).wechat;
const parties = { sp_mchid: creds.sp_mchid, sub_mchid: creds.sub_mchid };

function client(certs) {
  return new Wechatpay({
    mchid: creds.sp_mchid,
    serial: creds.merchant_serial,
    privateKey: creds.merchant_private_key,
    certs,
    baseURL,
    ...(creds.public_key_id in certs && {
      headers: { "Wechatpay-Serial": creds.public_key_id },
    }),
  });
}

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.response?.status, code: error.response?.data?.code ?? error.code };
  }
  return null;
}

async function journey(wxpay, number) {
  const transactions = wxpay.v3.pay.partner.transactions;
  const order = {
    ...parties,
    sp_appid: creds.sp_appid,
    description: "青禾茶事-柜台",
    out_trade_no: number,
    notify_url: "https://pay.example.com/notify/wechat",
    amount: { total: 1, currency: "CNY" },
    payer: { sp_openid: openid },
  };
  const placed = await transactions.jsapi.post(order);
  const asked = () =>
    transactions.outTradeNo._out_trade_no_.get({ params: parties, out_trade_no: encodeURIComponent(number) });
  const before = await asked();
  const closed = await transactions.outTradeNo._out_trade_no_.close.post(parties, {
    out_trade_no: encodeURIComponent(number),
  });
  const after = await asked();
  return {
    prepay_id: placed.data.prepay_id,
    serial: placed.headers["wechatpay-serial"],
    states: [before.data.trade_state, after.data.trade_state],
    closed: closed.status,
    repeated: await refused(() => transactions.jsapi.post(order)),
  };
}

function paySign(prepay_id) {
  const params = {
    appId: creds.sp_appid,
    timeStamp: `${Formatter.timestamp()}`,
    nonceStr: Formatter.nonce(),
    package: `prepay_id=${prepay_id}`,
  };
  const text = Formatter.joinedByLineFeed(...Object.values(params));
  return { ...params, signType: "RSA", paySign: Rsa.sign(text, creds.merchant_private_key) };
}

const byKey = client({ [creds.public_key_id]: creds.public_key });
const byCertificate = client({ [creds.platform_serial]: creds.platform_certificate });
const stamp = Date.now().toString(36);

const downloaded = await byCertificate.v3.certificates.get();
const { nonce, associated_data, ciphertext } = downloaded.data.data[0].encrypt_certificate;
const opened = Aes.AesGcm.decrypt(ciphertext, creds.apiv3_key, nonce, associated_data);

const unpaid = await byKey.v3.pay.partner.transactions.jsapi.post({
  ...parties,
  sp_appid: creds.sp_appid,
  description: "待付款",
  out_trade_no: `SDKPAY${stamp}`,
  notify_url: "https://pay.example.com/notify/wechat",
  amount: { total: 2 },
  payer: { sp_openid: openid },
});

console.log(
  JSON.stringify({
    public_key: await journey(byKey, `SDKKEY${stamp}`),
    certificate: await journey(byCertificate, `SDK|CERT*${stamp}`),
    certificate_matches: opened === creds.platform_certificate,
    wrong_key: await refused(() =>
      client({ [creds.public_key_id]: creds.platform_certificate }).v3.certificates.get(),
    ),
    bridge: paySign(unpaid.data.prepay_id),
    to_pay: `SDKPAY${stamp}`,
  }),
);
