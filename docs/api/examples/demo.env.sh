# The demo's keys as environment variables: `. docs/api/examples/demo.env.sh` in the checkout, after `make run`.
eval "$(.venv/bin/flask --app app demo-info | .venv/bin/python -c '
import json, shlex, sys
demo = json.load(sys.stdin)
one = demo["merchants"][0]
for name, value in {
    "YIMA": demo["public_url"], "SIM": demo["simulator_url"], "OUT_MCH_ID": demo["provider"]["out_mch_id"],
    "OUT_SUB_MCH_ID": one["out_sub_mch_id"], "OUT_SHOP_ID": one["stores"][0]["out_shop_id"],
    "AUTHEN_KEY": one["authen_key"], "PREFIX": one["order_prefix"],
}.items():
    print(f"export {name}={shlex.quote(value)}")
')"
