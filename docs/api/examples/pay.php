<?php
// Charge the code that a payer shows: php pay.php <payment code> <fen>
$env = getenv();

function call(string $method, array $content): array {
    global $env;
    $text = json_encode($content, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    $code = fn(string $of) => strtoupper(hash_hmac('sha256', $of, $env['AUTHEN_KEY']));
    $body = json_encode([
        'request_content' => $text,   // a string that holds JSON: never the array itself
        'authen_info' => ['a' => ['authen_type' => 1, 'authen_code' => $code($text)]],
    ]);
    $answer = file_get_contents("{$env['YIMA']}/cpay/$method", false, stream_context_create(['http' => [
        'method' => 'POST', 'timeout' => 10, 'header' => 'content-type: application/json', 'content' => $body,
    ]]));
    $outer = json_decode($answer, true);
    $said = json_decode($outer['response_content'], true);
    $bare = in_array($said['status'], [3, 101], true);
    if (!$bare && !hash_equals($code($outer['response_content']), $outer['authen_info']['a']['authen_code'])) {
        throw new Exception('this is not the platform');
    }
    return $said;
}

$said = call('micro_pay', [
    'pay_content' => [
        'out_trade_no' => $env['PREFIX'] . date('ymdHis') . getmypid(),
        'author_code' => $argv[1], 'total_fee' => (int) $argv[2], 'fee_type' => 'CNY', 'body' => 'coffee',
    ],
    'pay_mch_key' => [
        'out_mch_id' => $env['OUT_MCH_ID'], 'out_sub_mch_id' => $env['OUT_SUB_MCH_ID'],
        'out_shop_id' => $env['OUT_SHOP_ID'],
    ],
    'order_client' => [
        'device_id' => '1', 'terminal_type' => 4, 'machine_no' => 'till-1', 'sdk_version' => 'php1.0',
        'spbill_create_ip' => '127.0.0.1',
    ],
    'nonce_str' => bin2hex(random_bytes(16)),
]);
echo json_encode($said, JSON_UNESCAPED_UNICODE), "\n";
