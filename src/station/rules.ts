export interface Rule {
  kind: 'text' | 'number' | 'secret' | 'choice' | 'texts' | 'networks'
  default: string | number | string[]
  unit?: string
  min?: number
  max?: number
  choices?: string[]
  /** Shortest that is not empty. */
  least?: number
  about: string
}

/**
 * Every setting of a station: the same table as firmware/micropython/config.py, where each limit
 * has its reason. Limits of texts and secrets are bytes, those of lists are entries.
 */
export const stationRules: { [name: string]: Rule } = {
  version: { kind: 'number', default: 1, min: 1, max: 1, about: 'form of this file' },
  stream: { kind: 'text', default: 'weather_record', min: 1, max: 64, about: 'stream of records' },
  status_stream: {
    kind: 'text',
    default: 'station_status',
    min: 0,
    max: 64,
    about: 'stream of status reports',
  },
  symbol: {
    kind: 'text',
    default: '',
    min: 0,
    max: 64,
    about: 'name in the stream; empty: esp and the last six digits of the MAC',
  },
  timebase_url: { kind: 'text', default: '', min: 0, max: 200, about: 'WebAdmin, from the board' },
  auth: {
    kind: 'choice',
    default: 'password',
    choices: ['password', 'api-key'],
    about: 'way to sign in',
  },
  username: { kind: 'text', default: 'admin', min: 0, max: 64, about: 'user of TimeBase' },
  password: { kind: 'secret', default: '', min: 0, max: 128, about: 'password of that user' },
  api_key: { kind: 'text', default: '', min: 0, max: 128, about: 'name of the API key' },
  api_secret: { kind: 'secret', default: '', min: 0, max: 256, about: 'secret of the API key' },
  tls: {
    kind: 'choice',
    default: 'verified',
    choices: ['verified', 'insecure'],
    about: 'whether the server must prove who it is',
  },
  networks: {
    kind: 'networks',
    default: [],
    min: 0,
    max: 8,
    about: 'Wi-Fi networks, tried in order',
  },
  ap_ssid: { kind: 'text', default: '', min: 0, max: 32, about: 'name of its own network' },
  ap_password: {
    kind: 'secret',
    default: '',
    min: 0,
    max: 63,
    least: 8,
    about: 'password of that network',
  },
  webrepl_password: {
    kind: 'secret',
    default: '',
    min: 0,
    max: 9,
    least: 4,
    about: 'password for work without a cable',
  },
  ntp_servers: {
    kind: 'texts',
    default: ['pool.ntp.org', 'time.google.com', 'time.cloudflare.com'],
    min: 1,
    max: 4,
    about: 'time servers',
  },
  ntp_timeout: {
    kind: 'number',
    default: 2,
    unit: 's',
    min: 1,
    max: 30,
    about: 'patience with a time server',
  },
  ntp_refresh: {
    kind: 'number',
    default: 21600,
    unit: 's',
    min: 60,
    max: 432000,
    about: 'time between two looks at the clock',
  },
  sample_interval: {
    kind: 'number',
    default: 2,
    unit: 's',
    min: 2,
    max: 3600,
    about: 'time between two readings',
  },
  upload_interval: {
    kind: 'number',
    default: 10,
    unit: 's',
    min: 2,
    max: 86400,
    about: 'time between two uploads',
  },
  status_interval: {
    kind: 'number',
    default: 60,
    unit: 's',
    min: 10,
    max: 3600,
    about: 'time between two status reports',
  },
  batch: {
    kind: 'number',
    default: 50,
    unit: 'records',
    min: 1,
    max: 200,
    about: 'most records in one upload',
  },
  sensor_reboot_after: {
    kind: 'number',
    default: 120,
    unit: 's',
    min: 10,
    max: 86400,
    about: 'silence of all sensors that restarts the board',
  },
  scl: { kind: 'number', default: 22, min: 0, max: 48, about: 'I2C clock pin' },
  sda: { kind: 'number', default: 21, min: 0, max: 48, about: 'I2C data pin' },
  i2c_frequency: {
    kind: 'number',
    default: 50000,
    unit: 'Hz',
    min: 1000,
    max: 100000,
    about: 'I2C speed',
  },
  led: { kind: 'number', default: 2, min: -1, max: 48, about: 'pin of the status light; -1: none' },
  oversampling: { kind: 'number', default: 3, min: 0, max: 3, about: 'of the BMP180' },
  watchdog: {
    kind: 'number',
    default: 60,
    unit: 's',
    min: 0,
    max: 600,
    about: 'hang that restarts the board; 0: off',
  },
  connect_timeout: {
    kind: 'number',
    default: 10,
    unit: 's',
    min: 1,
    max: 120,
    about: 'patience with a connection',
  },
  answer_timeout: {
    kind: 'number',
    default: 30,
    unit: 's',
    min: 1,
    max: 300,
    about: 'patience with an answer',
  },
  wifi_timeout: {
    kind: 'number',
    default: 20,
    unit: 's',
    min: 5,
    max: 120,
    about: 'patience with a join',
  },
  ap_after: {
    kind: 'number',
    default: 60,
    unit: 's',
    min: 10,
    max: 86400,
    about: 'time without Wi-Fi until its own network opens',
  },
  trial_time: {
    kind: 'number',
    default: 120,
    unit: 's',
    min: 30,
    max: 3600,
    about: 'time that new settings have to prove themselves',
  },
}
