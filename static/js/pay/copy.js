/* Copies the code's link on the page for other browsers. */
(function(d,w){
var b=d.getElementById('copy'),u=d.getElementById('url'),s=d.getElementById('say');
if(!b||!u)return;
b.hidden=false;
function said(ok){var m=b.getAttribute(ok?'data-done':'data-hand');b.textContent=m;s.textContent=m}
function old(){var r=d.createRange(),g=w.getSelection(),ok=false;
r.selectNodeContents(u);g.removeAllRanges();g.addRange(r);
try{ok=d.execCommand('copy')}catch(e){}
said(ok)}
b.addEventListener('click',function(){var c=w.navigator.clipboard;
if(c&&c.writeText)c.writeText(u.textContent).then(function(){said(true)},old);else old()})
})(document,window);
