<?php
// Runs the steps of a scenario. Prints a line of JSON per step, and stops at the first that fails.
declare(strict_types=1);

function control(string $method, string $path, ?string $body = null): string
{
    $context = stream_context_create(['http' => [
        'method' => $method,
        'content' => $body ?? '',
        'header' => 'Content-Type: application/json',
    ]]);
    $answer = file_get_contents(rtrim(getenv('VIMEO_BASE_URL'), '/') . '/_sandbox' . $path, false, $context);
    check($answer !== false, "$method $path failed");
    return $answer;
}

function check(bool $holds, mixed $otherwise): void
{
    if (!$holds) {
        throw new RuntimeException(is_string($otherwise) ? $otherwise : json_encode($otherwise));
    }
}

/** @param array<string, callable> $steps */
function run(array $steps): void
{
    set_error_handler(function (int $level, string $message, string $file, int $line): never {
        throw new ErrorException($message, 0, $level, $file, $line);
    });
    if (getenv('FAULT') !== false) {
        control('POST', '/faults', getenv('FAULT'));
    }
    foreach ($steps as $name => $step) {
        try {
            $step();
        } catch (Throwable $error) {
            echo json_encode(['step' => $name, 'failed' => $error->getMessage()]), "\n";
            fwrite(STDERR, "$error\n");
            exit(1);
        }
        echo json_encode(['step' => $name]), "\n";
    }
    echo json_encode(['fired' => json_decode(control('GET', '/faults/fired'))]), "\n";
    if (getenv('REQUEST_LOG') !== false) {
        file_put_contents(getenv('REQUEST_LOG'), control('GET', '/requests'));
    }
}
