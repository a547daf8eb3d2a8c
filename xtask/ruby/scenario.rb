# The scenario with Ruby's Net::HTTP, on which HTTParty and Faraday stand. It calls api.vimeo.com and the upload host by
# name; `http_proxy`, the only variable that Ruby reads, leads it to the sandbox.
require 'json'
require 'net/http'

CHUNK = 50_000
FILM = ENV.fetch('FILM')
ID, SECRET = ENV.fetch('VIMEO_CLIENT_ID'), ENV.fetch('VIMEO_CLIENT_SECRET')

def check(holds, otherwise)
  raise otherwise.to_s unless holds
end

def control(method, path, body = nil)
  url = URI("#{ENV.fetch('VIMEO_BASE_URL').chomp('/')}/_sandbox#{path}")
  request = Net::HTTP.const_get(method).new(url)
  request.body = body
  answer = Net::HTTP.new(url.host, url.port, nil).start { |http| http.request(request) }
  check(answer.is_a?(Net::HTTPSuccess), "#{path} answered #{answer.code}")
  answer.body
end

def send_to(url, method, headers = {}, body = nil)
  url = URI(url)
  request = Net::HTTP.const_get(method).new(url, headers)
  request.body = body
  Net::HTTP.start(url.host, url.port, use_ssl: url.scheme == 'https') { |http| http.request(request) }
end

def call(method, path, body = nil, token = ENV.fetch('VIMEO_ACCESS_TOKEN'))
  headers = { 'Authorization' => "bearer #{token}", 'Content-Type' => 'application/json' }
  answer = send_to("https://api.vimeo.com#{path}", method, headers, body && JSON.dump(body))
  [answer.code.to_i, answer.body.to_s.empty? ? nil : JSON.parse(answer.body)]
end

video = nil
steps = {
  'log in' => lambda do
    form = URI.encode_www_form(grant_type: 'client_credentials', scope: 'public')
    basic = ["#{ID}:#{SECRET}"].pack('m0')
    answer = send_to('https://api.vimeo.com/oauth/authorize/client', 'Post', { 'Authorization' => "basic #{basic}" }, form)
    check(answer.code == '200', answer.body)
    status, = call('Get', '/categories', nil, JSON.parse(answer.body)['access_token'])
    check(status == 200, status)
  end,
  'get' => lambda do
    status, me = call('Get', '/me?fields=uri,name')
    check(status == 200 && me.keys.sort == %w[name uri], me)
    status, error = call('Get', '/videos/404404404')
    check(status == 404 && error['error'], error)
  end,
  'page' => lambda do
    %w[One Two Three].each { |name| call('Post', '/me/albums', { name: name }) }
    path, seen = '/me/albums?per_page=2&fields=uri', []
    while path
      _, page = call('Get', path)
      seen += page['data'].map { |item| item['uri'] }
      path = page['paging']['next']
    end
    check(seen.uniq.size == 3, seen)
  end,
  'upload' => lambda do
    film = File.binread(FILM)
    status, made = call('Post', '/me/videos', { name: 'Surf', upload: { approach: 'tus', size: film.bytesize } })
    check(status == 200, made)
    video, link = made['uri'], made['upload']['upload_link']
    check(URI(link).scheme == 'https', link)
    offset, failures = 0, 0
    while offset < film.bytesize
      headers = {
        'Tus-Resumable' => '1.0.0', 'Upload-Offset' => offset.to_s, 'Content-Type' => 'application/offset+octet-stream'
      }
      answer = send_to(link, 'Patch', headers, film.byteslice(offset, CHUNK))
      if answer.code != '204'
        failures += 1
        check(failures < 3, "#{answer.code} #{answer.body}")
        answer = send_to(link, 'Head', { 'Tus-Resumable' => '1.0.0' })
      end
      offset = Integer(answer['Upload-Offset'])
    end
    _, read = call('Get', "#{video}?fields=upload.status")
    check(read['upload']['status'] == 'complete', read)
  end,
  'edit' => lambda do
    status, read = call('Patch', video, { name: 'Swell' })
    check(status == 200 && read['name'] == 'Swell', read)
  end,
  'delete' => lambda do
    status, = call('Delete', video)
    check(status == 204, status)
    status, = call('Get', video)
    check(status == 404, status)
  end
}

$stdout.sync = true
control('Post', '/faults', ENV['FAULT']) if ENV['FAULT']
steps.each do |name, step|
  step.call
  puts JSON.dump({ step: name })
rescue StandardError => e
  puts JSON.dump({ step: name, failed: "#{e.class}: #{e.message}" })
  warn e.full_message
  exit 1
end
puts JSON.dump({ fired: JSON.parse(control('Get', '/faults/fired')) })
File.write(ENV['REQUEST_LOG'], control('Get', '/requests')) if ENV['REQUEST_LOG']
