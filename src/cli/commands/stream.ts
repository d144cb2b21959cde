import { type Command, Option } from 'commander'
import type { AddCommand } from '../main.js'
import { collect } from '../options.js'
import type { CreateFlags } from '../stream.js'
import type { ExportFlags, ImportFlags, TrimFlags } from '../stream-files.js'

export const addStream: AddCommand = (program, handle) => {
  const stream = program
    .command('stream')
    .description('create, compare and move the streams of TimeBase')
    .helpGroup('TimeBase')
  addCreate(stream, handle)
  addList(stream, handle)
  addDescribe(stream, handle)
  addDiff(stream, handle)
  addExport(stream, handle)
  addImport(stream, handle)
  addTrim(stream, handle)
}

type Handle = Parameters<AddCommand>[1]

const addCreate = (stream: Command, handle: Handle): void => {
  stream
    .command('create')
    .argument('[name]', 'name of the stream of weather records')
    .description('create the streams that stations write to; change none that exists')
    .option('--status-stream <name>', 'name of the stream of station states')
    .option('--no-status', 'leave the stream of station states out')
    .option('--dry-run', 'print the statements and change nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation stream create\n  wxstation stream create garden --no-status --dry-run',
    )
    .action(
      handle(async (context, name?: string, flags?: CreateFlags) =>
        (await import('../stream.js')).create(context, name, flags ?? { status: true }),
      ),
    )
}

const addList = (stream: Command, handle: Handle): void => {
  stream
    .command('list')
    .description('list streams with their stations and times')
    .addHelpText('after', '\nExamples:\n  wxstation stream list\n  wxstation stream list --json')
    .action(
      handle(async (context) => {
        const { list } = await import('../stream.js')
        return list(context)
      }),
    )
}

const addDescribe = (stream: Command, handle: Handle): void => {
  stream
    .command('describe')
    .argument('[name]', 'stream; the stream of weather records by default')
    .description("print the statement that makes a stream, in the server's words")
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation stream describe\n  wxstation stream describe station_status',
    )
    .action(
      handle(async (context, name?: string) => {
        const { describe } = await import('../stream.js')
        return describe(context, name)
      }),
    )
}

const addDiff = (stream: Command, handle: Handle): void => {
  stream
    .command('diff')
    .argument('[name]', 'stream; both streams of stations by default')
    .description('compare streams with what stations send; exit 10 where they differ')
    .option('--status', 'the named stream is one of station states')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation stream diff\n  wxstation stream diff garden_status --status',
    )
    .action(
      handle(async (context, name?: string, flags?: { status?: true }) => {
        const { diff } = await import('../stream.js')
        return diff(context, name, flags?.status ?? false)
      }),
    )
}

const addExport = (stream: Command, handle: Handle): void => {
  stream
    .command('export')
    .argument('[name]', 'stream; the stream of weather records by default')
    .description('write records to a file or to standard output')
    .option('-o, --output <file>', 'file to write; an interrupted one goes on where it was')
    .addOption(
      new Option('--format <format>', 'by the ending of the file; else ndjson').choices([
        'csv',
        'ndjson',
        'parquet',
      ]),
    )
    .option('--since <time>', 'first time, or a duration ago')
    .option('--until <time>', 'last time, or a duration ago')
    .option('--station <symbol>', 'only this station (repeatable)', collect)
    .option('--force', 'overwrite the file')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation stream export -o weather.csv --since 7d\n  wxstation stream export --station esp123456 | gzip >esp123456.ndjson.gz',
    )
    .action(
      handle(async (context, name?: string, flags?: ExportFlags) => {
        const { exportStream } = await import('../stream-files.js')
        return exportStream(context, name, flags ?? {})
      }),
    )
}

const addImport = (stream: Command, handle: Handle): void => {
  stream
    .command('import')
    .argument('<file>', 'file of export, or of board backup')
    .argument('[name]', "stream; a known station's own for its queue, else that of weather records")
    .description("write what the stream lacks of a file's records, or of a station's saved queue")
    .addOption(
      new Option('--format <format>', 'by the ending of the file; else by its first bytes').choices(
        ['csv', 'ndjson', 'parquet', 'queue'],
      ),
    )
    .option('--symbol <symbol>', "whose queue it is; known where the file's name has its MAC")
    .option('--all', 'of a queue, also the records that TimeBase has acknowledged')
    .option('--dry-run', 'check the file, say what it holds, and write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation stream import weather.csv\n  wxstation stream import weather.ndjson garden --dry-run\n  wxstation stream import roof.bin --symbol esp123456',
    )
    .action(
      handle(async (context, file: string, name?: string, flags?: ImportFlags) => {
        const { importStream } = await import('../stream-files.js')
        return importStream(context, file, name, flags ?? {})
      }),
    )
}

const addTrim = (stream: Command, handle: Handle): void => {
  stream
    .command('trim')
    .argument('[name]', 'stream; the stream of weather records by default')
    .description('remove old records; says how many, and asks')
    .requiredOption('--before <time>', 'records before this time go; or a duration ago')
    .option('--dry-run', 'count and remove nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation stream trim --before 365d\n  wxstation stream trim garden --before 2026-01-01 --dry-run',
    )
    .action(
      handle(async (context, name?: string, flags?: TrimFlags) => {
        const { trim } = await import('../stream-files.js')
        return trim(context, name, flags ?? { before: '' })
      }),
    )
}
