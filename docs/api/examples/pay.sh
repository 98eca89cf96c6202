#!/bin/sh
# Charge the code that a payer shows: sh pay.sh <payment code> <fen>
# Wants YIMA, OUT_MCH_ID, OUT_SUB_MCH_ID, OUT_SHOP_ID, AUTHEN_KEY and PREFIX in the environment.
set -eu
number="$PREFIX$(date +%y%m%d%H%M%S)$$"
content='{"pay_content":{"out_trade_no":"'$number'","author_code":"'$1'","total_fee":'$2',"fee_type":"CNY","body":"coffee"},"pay_mch_key":{"out_mch_id":"'$OUT_MCH_ID'","out_sub_mch_id":"'$OUT_SUB_MCH_ID'","out_shop_id":"'$OUT_SHOP_ID'"},"order_client":{"device_id":"1","terminal_type":4,"machine_no":"till-1","sdk_version":"sh1.0","spbill_create_ip":"127.0.0.1"},"nonce_str":"'$(date +%s)'"}'

# The code is over exactly the characters of `content`, before they become a JSON string.
code=$(printf %s "$content" | openssl dgst -sha256 -hmac "$AUTHEN_KEY" | sed 's/.* //' | tr a-f A-F)
string=$(printf %s "$content" | sed 's/\\/\\\\/g; s/"/\\"/g')

curl -sS --max-time 10 -H 'content-type: application/json' "$YIMA/cpay/micro_pay" \
  -d '{"request_content":"'"$string"'","authen_info":{"a":{"authen_type":1,"authen_code":"'"$code"'"}}}'
echo
