import type { LoginFlags } from '../login-wish.js'
import type { AddCommand } from '../main.js'

export const addLogin: AddCommand = (program, handle) => {
  program
    .command('login')
    .argument('[address]', 'TimeBase WebAdmin, for example http://server:8099')
    .description('sign in to TimeBase and keep the login for the other commands')
    .helpGroup('TimeBase')
    .option('-u, --user <name>', 'user to sign in as')
    .option('--password-stdin', 'read the password from standard input')
    .option('--api-key <name>', 'sign in by API key')
    .option('--secret-stdin', 'read its secret or RSA private key from standard input')
    .option('--sso', 'sign in at the provider that WebAdmin names, by a code in a browser')
    .option('--issuer <address>', 'OpenID provider, where WebAdmin names none')
    .option('--client-id <id>', 'client of that provider')
    .option('--client-secret-stdin', 'read its secret: a machine signs in by itself')
    .option('--scope <scopes>', 'scopes to ask the provider for')
    .option('--ca <file>', 'certificates (PEM) to trust besides the usual ones')
    .option('--insecure', 'do not verify the certificates of WebAdmin and of that provider')
    .option('--switch', 'use the kept login that --profile names from now on')
    .addHelpText(
      'after',
      '\nThe global --profile names the login; without it, its name is "default".\nWithout any login the environment does: WXSTATION_TIMEBASE_URL and\nWXSTATION_TIMEBASE_TOKEN, or ..._USER and ..._PASSWORD, or ..._API_KEY and\n..._API_SECRET.\n\nExamples:\n  wxstation login http://server:8099 --user admin\n  wxstation login --api-key ci --secret-stdin <secret.txt\n  wxstation login https://weather.example.org --sso --profile office',
    )
    .action(
      handle(async (context, address?: string, flags?: LoginFlags) => {
        const { login } = await import('../login.js')
        return login(context, address, flags ?? {})
      }),
    )
}

export const addLogout: AddCommand = (program, handle) => {
  program
    .command('logout')
    .description('forget a login and its tokens')
    .helpGroup('TimeBase')
    .option('--all', 'forget every login')
    .addHelpText('after', '\nExamples:\n  wxstation logout\n  wxstation logout --profile office')
    .action(
      handle(async (context, flags: { all?: true }) => {
        const { logout } = await import('../login.js')
        return logout(context, flags.all ?? false)
      }),
    )
}

export const addWhoami: AddCommand = (program, handle) => {
  program
    .command('whoami')
    .description('say which login is used and what it may do')
    .helpGroup('TimeBase')
    .addHelpText('after', '\nExamples:\n  wxstation whoami\n  wxstation whoami --profile office')
    .action(
      handle(async (context) => {
        const { whoami } = await import('../login.js')
        return whoami(context)
      }),
    )
}
