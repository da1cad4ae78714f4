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

/** True when oneDNN 2 is where the system's loader looks. */
export function onednnReady() {
  const name = /^libdnnl(\.so\.2(\..*)?|\.2(\..*)?\.dylib)$/;
  const listed = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin` },
  });
  if (/\blibdnnl\.so\.2\b/.test(listed.stdout ?? '')) return true;
  return libraryFolders.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((file) => name.test(file)),
  );
}

/** Runs apt-get as root or through sudo; the first complaint of it, or undefined when it went well. */
function aptGet(isRoot, args) {
  const line = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
  const [command, ...rest] = isRoot ? line : ['sudo', '-n', ...line];
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  const { status, stderr } = spawnSync(command, [...rest, ...wait], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return /^E: .*/m.exec(stderr ?? '')?.[0] ?? `apt-get ended with status ${status}`;
}

/** Installs Debian packages, or gives up with the line to type. `name` is what they bring. */
function installWithApt(name, packages) {
  const line = packages.join(' ');
  if (process.platform !== 'linux' || !succeeds('apt-get', ['--version']))
    giveUp(
      `${name} is missing. Install your system's package of it, or build it from its sources.`,
    );
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !succeeds('sudo', ['-n', 'true']))
    giveUp(`${name} is missing. Run 'sudo apt-get update && sudo apt-get install ${line}'.`);
  process.stdout.write(`Installing ${name} (apt-get install ${line}) ...\n`);
  const install = () => aptGet(isRoot, ['install', '-y', '--no-install-recommends', ...packages]);
  // Package lists may be absent or too old to fetch from: renew them only when it does not go without.
  if (install() === undefined) return;
  const problem = aptGet(isRoot, ['update']) ?? install();
  if (problem !== undefined)
    giveUp(
      `${name} could not be installed (${problem}). Run 'apt-get update && apt-get install ${line}' as root.`,
    );
}

/** Chromium brings SwiftShader, a Vulkan driver that computes on the CPU. */
export const swiftshaderFile = '/usr/lib/chromium/vk_swiftshader_icd.json';

const vulkanReady = () =>
  libraryFolders.some((folder) => existsSync(join(folder, 'libvulkan.so.1')));

/** Makes sure of what is named: 'node_modules' (npm packages), 'dnnl' (oneDNN), 'swiftshader'. */
export function ensureReady({ need }) {
  if (need.includes('node_modules')) {
    if (!packagesReady()) installPackages();
    linkOwnCommand();
  }
  if (need.includes('dnnl') && !onednnReady())
    installWithApt('oneDNN 2 (libdnnl.so.2)', ['libdnnl2']);
  if (need.includes('swiftshader') && !(existsSync(swiftshaderFile) && vulkanReady()))
    installWithApt('SwiftShader', ['chromium', 'libvulkan1']);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  ensureReady({ need: ['node_modules', 'dnnl'] });
