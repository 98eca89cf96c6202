// Drives the official npm alipay-sdk, unmodified. Orders on stdin, findings as JSON on stdout.
// {gateway, appId, privateKey, alipayPublicKey, steps: [[name, ...arguments], ...]}
import { readFileSync } from 'node:fs';
import { AlipaySdk } from 'alipay-sdk';

const orders = JSON.parse(readFileSync(0, 'utf8'));
const sdk = new AlipaySdk({
  appId: orders.appId,
  gateway: orders.gateway,
  privateKey: orders.privateKey,
  alipayPublicKey: orders.alipayPublicKey,
  keyType: 'PKCS8',
});

const steps = {
  exec: (method, params) => sdk.exec(method, params, { validateSign: true }),
  // its check looks for the method's own node and cannot find error_response
  unchecked: (method, params) => sdk.exec(method, params),
  page: (method, params) => sdk.pageExec(method, 'GET', params),
  notice: (fields) => sdk.checkNotifySignV2(fields),
};

const found = [];
for (const [name, ...args] of orders.steps) {
  try {
    found.push({ ok: await steps[name](...args) });
  } catch (problem) {
    found.push({ error: String(problem.message) });
  }
}
process.stdout.write(JSON.stringify(found));
