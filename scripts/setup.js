// Puts in place what the commands need before anything else can run: the npm packages and oneDNN.
// Uses only Node's own modules, because it runs on a fresh clone. Run alone, it prepares everything.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Ends the process as "environment not usable", with one line of what to do by hand. */
function giveUp(line) {
  process.stderr.write(`error: ${line}\n`);
  process.exit(4);
}

function succeeds(command, args, options = {}) {
  return spawnSync(command, args, { stdio: 'ignore', ...options }).status === 0;
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** True when every package of package-lock.json is installed in the locked version. */
export function packagesReady(folder = root) {
  const wanted = readJson(join(folder, 'package-lock.json'))?.packages;
  const installed = readJson(join(folder, 'node_modules/.package-lock.json'))?.packages;
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, optional, devOptional, peer, link }]) => {
    if (path === '' || link) return true;
    const found = installed[path];
    if (found === undefined) return Boolean(optional || devOptional || peer);
    return found.version === version && existsSync(join(folder, path));
  });
}

function installPackages() {
  process.stdout.write('Installing npm packages (npm ci) ...\n');
  // npm tells the scripts that it runs where it lies; outside npm it is looked up as a command.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' && !npm };
  if (!succeeds(command, [...first, 'ci', '--no-progress', '--loglevel=error'], options))
    giveUp("'npm ci' failed. Check the network or the npm registry setting and run 'npm ci'.");
}

/** Some versions of npm leave out a package's own command; npx then finds it through this link. */
function linkOwnCommand() {
  const link = join(root, 'node_modules/.bin/hrpose');
  if (process.platform === 'win32' || existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync('../../bin/hrpose.js', link);
}

const libraryFolders = [
  '/usr/lib',
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/local/lib64',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/opt/homebrew/lib',
  ...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean),
];

/** True when a oneDNN library (version 2 or 3) is where the system's loader looks. */
export function onednnReady() {
  const name = /^libdnnl(\.so\.[23](\..*)?|\.[23](\..*)?\.dylib)$/;
  const listed = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin` },
  });
  if (/\blibdnnl\.so\.[23]\b/.test(listed.stdout ?? '')) return true;
  return libraryFolders.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((file) => name.test(file)),
  );
}

const aptPackages = ['libdnnl2', 'libdnnl3'];

function installOnednn() {
  if (process.platform === 'darwin')
    giveUp("oneDNN is missing. Install it with 'brew install onednn'.");
  if (process.platform !== 'linux' || !succeeds('apt-get', ['--version']))
    giveUp(
      "oneDNN is missing. Install your system's package of it (libdnnl.so.2 or libdnnl.so.3).",
    );
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !succeeds('sudo', ['-n', 'true']))
    giveUp("oneDNN is missing. Run 'sudo apt-get install libdnnl2' (libdnnl3 on newer systems).");
  process.stdout.write('Installing oneDNN (apt-get install) ...\n');
  const apt = (...args) => {
    const line = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
    const [command, ...rest] = isRoot ? line : ['sudo', '-n', ...line];
    return succeeds(command, [...rest, '-o', 'DPkg::Lock::Timeout=120'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  };
  const install = () =>
    aptPackages.some(
      (name) =>
        succeeds('apt-cache', ['show', name]) &&
        apt('install', '-y', '--no-install-recommends', name),
    );
  // Package lists may be absent or too old to fetch from: renew them only when it does not go without.
  if (install() || (apt('update') && install())) return;
  giveUp(
    "oneDNN could not be installed. Run 'apt-get update && apt-get install libdnnl2' as root.",
  );
}

/** Makes sure of what is named: 'node_modules' (npm packages), 'dnnl' (oneDNN). */
export function ensureReady({ need }) {
  if (need.includes('node_modules')) {
    if (!packagesReady()) installPackages();
    linkOwnCommand();
  }
  if (need.includes('dnnl') && !onednnReady()) installOnednn();
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  ensureReady({ need: ['node_modules', 'dnnl'] });
