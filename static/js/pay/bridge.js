/* Hands an order to the wallet's own bridge. Its word is a hint: the result page asks the server.
   told(ok, cancel, fail, why); none() when there is no bridge after 3 s. */
(function(d,w){
function ready(name,then){var n=0;
function one(){if(!n++)then(w[name])}
if(w[name])return one();
d.addEventListener(name+'Ready',one);setTimeout(one,3000)}
w.yimaBridge=function(client,asked,told,none){var wx=client==='wechat';
ready(wx?'WeixinJSBridge':'AlipayJSBridge',function(j){
if(!j)return none();
if(wx)j.invoke('getBrandWCPayRequest',asked,function(m){var s=String(m&&m.err_msg);told(/:ok$/.test(s),/:cancel$/.test(s),/:fail/.test(s),m&&(m.err_desc||m.errMsg))});
else j.call('tradePay',asked,function(m){var s=String(m&&m.resultCode);told(s==='9000',s==='6001',s==='4000',m&&m.memo)})})};
})(document,window);
