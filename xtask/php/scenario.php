<?php
// The scenario as the official PHP library plays it. The lines that the sandbox prints for PHP change only its host.
declare(strict_types=1);

require __DIR__ . '/steps.php';
require __DIR__ . '/client.php';

/** @var Vimeo\Vimeo $client */
eval(getenv('CLIENT_LINES'));
[$film, $picture, $track] = [getenv('FILM'), getenv('PICTURE'), getenv('TEXT_TRACK')];
$video = null;

$get = function (string $path, array $parameters = []) use ($client): array {
    $answer = $client->request($path, $parameters);
    check($answer['status'] === 200, $answer);
    return $answer['body'];
};

run([
    'log in' => function () use ($client): void {
        $app = $client->with(null);
        $granted = $app->clientCredentials('public');
        check($granted['status'] === 200, $granted);
        $answer = $app->with($granted['body']['access_token'])->request('/categories');
        check($answer['status'] === 200, $answer);

        $redirect = 'http://127.0.0.1:9/back';
        $back = $app->decide('accept', $redirect, 'public private', 'state');
        check($back['state'] === 'state', $back);
        $granted = $app->accessToken($back['code'], $redirect);
        check($granted['status'] === 200 && $granted['body']['scope'] === 'public private', $granted);
        $me = $app->with($granted['body']['access_token'])->request('/me');
        check($me['body']['uri'] === $granted['body']['user']['uri'], $me);
    },
    'reject' => function () use ($client): void {
        $back = $client->with(null)->decide('reject', 'http://127.0.0.1:9/back', 'public', 'state');
        check($back['error'] === 'access_denied' && !isset($back['code']), $back);
        $refused = $client->with('wrong')->request('/me');
        check($refused['status'] === 401 && is_string($refused['body']['error']), $refused);
    },
    'get' => function () use ($client): void {
        $answer = $client->request('/me', ['fields' => 'uri,name']);
        check($answer['status'] === 200 && array_keys($answer['body']) === ['uri', 'name'], $answer);
        check((int) $answer['headers']['x-ratelimit-limit'] > 0, $answer);
        $refused = $client->request('/videos/404404404');
        check($refused['status'] === 404 && is_string($refused['body']['error']), $refused);
    },
    'page' => function () use ($client, $get): void {
        foreach (['One', 'Two', 'Three'] as $name) {
            $client->request('/me/albums', ['name' => $name], 'POST');
        }
        $page = $get('/me/albums', ['per_page' => 2, 'fields' => 'uri']);
        $seen = array_column($page['data'], 'uri');
        while ($page['paging']['next'] !== null) {
            $page = $get($page['paging']['next']);
            $seen = [...$seen, ...array_column($page['data'], 'uri')];
        }
        check($page['total'] === 3 && count(array_unique($seen)) === 3, $seen);
    },
    'upload' => function () use ($client, $get, $film, &$video): void {
        $video = $client->upload($film, ['name' => 'Surf', 'privacy' => ['view' => 'nobody']]);
        $read = $get($video, ['fields' => 'name,privacy.view,upload.status']);
        check($read['name'] === 'Surf' && $read['privacy']['view'] === 'nobody', $read);
        check($read['upload']['status'] === 'complete', $read);
    },
    'edit' => function () use ($client, $get, &$video): void {
        $answer = $client->request($video, ['name' => 'Swell'], 'PATCH');
        check($answer['status'] === 200 && $answer['body']['name'] === 'Swell', $answer);
        $answer = $client->request($video, ['description' => 'At dawn'], 'PATCH', false);
        check($answer['status'] === 200 && $answer['body']['description'] === 'At dawn', $answer);
        $client->request("$video/tags/ocean", [], 'PUT');
        check($get("$video/tags")['total'] === 1, 'no tag');
    },
    'replace' => function () use ($client, $get, $film, &$video): void {
        $client->replace($video, $film);
        check($get("$video/versions")['total'] === 2, 'no second version');
    },
    'picture' => function () use ($client, $get, $picture, &$video): void {
        $pictures = $get($video, ['fields' => 'metadata.connections.pictures.uri']);
        $path = $pictures['metadata']['connections']['pictures']['uri'];
        $made = $client->attach($path, [], $picture);
        $client->request($made, ['active' => true], 'PATCH');
        check($get($made)['active'] === true, 'the picture is not active');
    },
    'portrait' => function () use ($client, $get, $picture): void {
        $made = $client->attach($get('/me')['metadata']['connections']['pictures']['uri'], [], $picture);
        $client->request($made, ['active' => true], 'PATCH');
        check($get($made)['active'] === true, 'the portrait is not active');
    },
    'text track' => function () use ($client, $get, $track, &$video): void {
        $parameters = ['type' => 'captions', 'language' => 'en', 'name' => basename($track)];
        $client->attach("$video/texttracks", $parameters, $track);
        check($get("$video/texttracks")['total'] === 1, 'no text track');
    },
    'delete' => function () use ($client, &$video): void {
        $answer = $client->request($video, [], 'DELETE');
        check($answer['status'] === 204, $answer);
        check($client->request($video)['status'] === 404, 'it is still there');
    },
]);
