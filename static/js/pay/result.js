/* The result page: ask our server until it knows, then load the page again. Only its word counts. */
(function(d,w){
var cfg=d.getElementById('cfg');
if(!cfg)return;
var C=JSON.parse(cfg.textContent),say=d.getElementById('say'),net=d.getElementById('net'),late=d.getElementById('late'),done=d.getElementById('done');
var x=null,timer=0,misses=0,over=0,waits=[1,2,3,5];
function again(s){clearTimeout(timer);timer=setTimeout(ask,s*1000)}
function drop(){if(x){x.onerror=x.onload=x.ontimeout=null;x.abort();x=null}}
function miss(){x=null;if(net)net.hidden=false;again(waits[Math.min(misses++,3)])}
function turn(state){over=1;say.textContent=C.said[state]||C.changed;
setTimeout(function(){w.location.replace(w.location.pathname+w.location.search)},200)}
function ask(){if(over||x||d.hidden)return;
var from=Date.now(),url=C.url+(C.url.indexOf('?')<0?'?':'&')+'seen='+encodeURIComponent(C.state);
x=new XMLHttpRequest();
x.open('GET',url);x.timeout=30000;x.setRequestHeader('Accept','application/json');
x.onload=function(){var m;
try{m=JSON.parse(x.responseText)}catch(e){}
if(x.status!==200||!m||!m.state)return miss();
x=null;misses=0;net.hidden=true;
if(m.state!==C.state)return turn(m.state);
if(!m.final)again(Date.now()-from>1000?0.2:2)};
x.onerror=x.ontimeout=miss;
x.send()}
if(C.url){
d.addEventListener('visibilitychange',function(){clearTimeout(timer);if(d.hidden)drop();else{misses=0;ask()}});
w.addEventListener('offline',function(){if(!over)net.hidden=false});
w.addEventListener('online',function(){misses=0;clearTimeout(timer);drop();ask()});
w.addEventListener('pageshow',function(e){if(e.persisted){over=0;x=null;ask()}});
again(0.3)}
if(late&&C.elapsed<30){late.hidden=true;setTimeout(function(){late.hidden=false},(30-C.elapsed)*1000)}
/* the button that closes the wallet's window exists only where a wallet can close it */
function close(){var j=w.WeixinJSBridge,k=w.AlipayJSBridge;
if(j)j.call?j.call('closeWindow'):j.invoke('closeWindow',{},function(){});
else if(k)k.call('exitApp')}
function offer(){if(done&&(w.WeixinJSBridge||w.AlipayJSBridge))done.hidden=false}
if(done){done.addEventListener('click',close);offer();
d.addEventListener('WeixinJSBridgeReady',offer);d.addEventListener('AlipayJSBridgeReady',offer)}
})(document,window);
