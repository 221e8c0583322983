import { chromium } from 'playwright-core';
const [url, action] = process.argv.slice(2);
const b = await chromium.launch({ executablePath:'/usr/bin/chromium', args:['--no-sandbox'] });
const p = await b.newPage({ viewport:{width:390,height:800} });
p.on('console', m=>console.log('console', m.text()));
p.on('pageerror', e=>console.log('pageerror', e.message));
await p.goto(url);
console.log(await p.title(), '\n', await p.innerText('body'));
await p.screenshot({path:'/tmp/h-ops-pay.png', fullPage:true});
for (const i of await p.$$('input,select,button')) console.log(await i.evaluate(e=>e.outerHTML.slice(0,160)));
if (action) { 
  for (const [k,v] of Object.entries(JSON.parse(process.argv[4]??'{}'))) { const el=await p.$(`[name="${k}"]`); if((await el.evaluate(e=>e.tagName))==='SELECT') await el.selectOption(v); else await el.fill(v);} 
  await p.click(action); await p.waitForLoadState('networkidle'); console.log('AT', p.url()); console.log(await p.innerText('body')); await p.screenshot({path:'/tmp/h-ops-pay2.png', fullPage:true}); }
await b.close();
