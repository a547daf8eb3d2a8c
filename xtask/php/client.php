<?php
// A client that sends what the official PHP library and its tus client send, with nothing but the curl extension.
declare(strict_types=1);

namespace Vimeo;

/** Has the constructor and the method that the sandbox's lines for PHP use. */
final class Vimeo
{
    private const ROOT = 'https://api.vimeo.com';
    private const CHUNK = 65536;
    private const MAX_FAILURES = 3;

    private array $options = [];

    public function __construct(
        private string $id,
        private string $secret,
        private ?string $token = null,
    ) {
    }

    public function setCURLOptions(array $options): void
    {
        $this->options = $options;
    }

    /** The same app with another token, or with none. */
    public function with(?string $token): self
    {
        $other = new self($this->id, $this->secret, $token);
        $other->setCURLOptions($this->options);
        return $other;
    }

    /** Calls the API. The body is JSON or a form; without parameters it is an empty form. */
    public function request(string $path, array $parameters = [], string $method = 'GET', bool $json = true): array
    {
        $headers = ['Accept: application/vnd.vimeo.*+json; version=3.4'];
        $headers[] = 'Authorization: ' . ($this->token === null
            ? 'Basic ' . base64_encode("$this->id:$this->secret")
            : "Bearer $this->token");
        $url = self::ROOT . $path;
        $options = [];
        if ($method === 'GET') {
            $url .= $parameters === [] ? '' : '?' . http_build_query($parameters);
        } else {
            $body = http_build_query($parameters);
            if ($json && $parameters !== []) {
                $headers[] = 'Content-Type: application/json';
                $body = json_encode($parameters);
            }
            $options = [CURLOPT_POST => true, CURLOPT_CUSTOMREQUEST => $method, CURLOPT_POSTFIELDS => $body];
        }
        $answer = self::send($url, $this->options + $options + [CURLOPT_HTTPHEADER => $headers]);
        $answer['body'] = json_decode($answer['body'], true);
        return $answer;
    }

    public function clientCredentials(string $scope): array
    {
        $form = ['grant_type' => 'client_credentials', 'scope' => $scope];
        return $this->request('/oauth/authorize/client', $form, 'POST', false);
    }

    public function accessToken(string $code, string $redirect): array
    {
        $form = ['grant_type' => 'authorization_code', 'code' => $code, 'redirect_uri' => $redirect];
        return $this->request('/oauth/access_token', $form, 'POST', false);
    }

    /** Accepts or rejects on the page where the library sends a browser. Gives the query of the redirect. */
    public function decide(string $decision, string $redirect, string $scope, string $state): array
    {
        $form = [
            'response_type' => 'code', 'client_id' => $this->id, 'redirect_uri' => $redirect, 'scope' => $scope,
            'state' => $state, 'decision' => $decision,
        ];
        $options = [CURLOPT_POSTFIELDS => http_build_query($form)];
        $answer = self::send(self::ROOT . '/oauth/authorize', $this->options + $options);
        parse_str(parse_url($answer['headers']['location'], PHP_URL_QUERY), $query);
        return $query;
    }

    public function upload(string $file, array $parameters): string
    {
        $parameters['upload'] = ['approach' => 'tus', 'size' => filesize($file)];
        $made = $this->request('/me/videos?fields=uri,upload', $parameters, 'POST');
        \check($made['status'] === 200, $made);
        self::tus($made['body']['upload']['upload_link'], $file);
        return $made['body']['uri'];
    }

    public function replace(string $video, string $file): void
    {
        $parameters = [
            'file_name' => basename($file), 'upload' => ['approach' => 'tus', 'size' => filesize($file)],
        ];
        $made = $this->request("$video/versions?fields=upload", $parameters, 'POST');
        \check($made['status'] === 201, $made);
        self::tus($made['body']['upload']['upload_link'], $file);
    }

    /** Creates a picture or a text track and sends its file. Gives its URI. */
    public function attach(string $path, array $parameters, string $file): string
    {
        $made = $this->request($path, $parameters, 'POST');
        \check($made['status'] === 201, $made);
        // The raw bytes, which curl calls a form because nothing says otherwise.
        $answer = self::send($made['body']['link'], [
            CURLOPT_CUSTOMREQUEST => 'PUT', CURLOPT_POSTFIELDS => file_get_contents($file),
        ]);
        \check($answer['status'] === 200, $answer);
        return $made['body']['uri'];
    }

    /** Sends a file in chunks. After a failure it begins anew at the offset that the host has. */
    private static function tus(string $link, string $file): void
    {
        $size = filesize($file);
        $checksum = 'sha256 ' . base64_encode(hash_file('sha256', $file));
        $failures = 0;
        do {
            $head = self::send($link, [CURLOPT_NOBODY => true, CURLOPT_HTTPHEADER => ['Tus-Resumable: 1.0.0']]);
            \check($head['status'] === 200, $head);
            $offset = (int) $head['headers']['upload-offset'];
            try {
                while ($offset < $size) {
                    $chunk = file_get_contents($file, false, null, $offset, self::CHUNK);
                    $answer = self::send($link, [
                        CURLOPT_CUSTOMREQUEST => 'PATCH',
                        CURLOPT_POSTFIELDS => $chunk,
                        CURLOPT_HTTPHEADER => [
                            'Tus-Resumable: 1.0.0',
                            'Content-Type: application/offset+octet-stream',
                            'Content-Length: ' . strlen($chunk),
                            "Upload-Checksum: $checksum",
                            "Upload-Offset: $offset",
                        ],
                    ]);
                    \check($answer['status'] === 204, $answer);
                    $offset = (int) $answer['headers']['upload-offset'];
                }
            } catch (\RuntimeException $error) {
                if (++$failures > self::MAX_FAILURES) {
                    throw $error;
                }
            }
        } while ($offset < $size);
    }

    /** Sends a request. Gives the status, the headers by their lower-case names, and the body. */
    private static function send(string $url, array $options): array
    {
        $headers = [];
        $curl = curl_init($url);
        curl_setopt_array($curl, $options + [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 30,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
                if (str_contains($line, ':')) {
                    [$name, $value] = explode(':', $line, 2);
                    $headers[strtolower($name)] = trim($value);
                }
                return strlen($line);
            },
        ]);
        $body = curl_exec($curl);
        \check($body !== false, curl_error($curl));
        return ['status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE), 'headers' => $headers, 'body' => $body];
    }
}
