import type { Command } from 'commander';
import { type ApiBody, apiCaller, json } from '#cli/api-caller.ts';
import type { CliContext } from '#cli/context.ts';
import { formatJson } from '#cli/kms-command.ts';
import { remoteToken } from '#cli/kms-session.ts';
import { addSettings, configOf, quietly } from '#cli/settings-options.ts';

/** What every command that speaks to a running service can be told besides its own options. */
export interface ServiceCommandOptions {
  readonly service: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** What the action of such a command works with. */
export interface ServiceAction<Options> {
  readonly options: Options & ServiceCommandOptions;
  /** Call the service below `/v1/dns` with a body as JSON, if there is one. @throws ServiceError api-refused */
  readonly call: <Answer>(method: string, path: string, body?: object) => Promise<Answer>;
  /** Print a result: as JSON where that was asked for, or as `text` shows it to people. */
  readonly print: <Result>(result: Result, text: (result: Result) => string) => void;
}

const base = '/v1/dns';

/**
 * Give a command the options that find a running service, an example in its help, and an action.
 *
 * @param example the command line without `zoneseal`
 */
export function serviceCommand<Options extends object>(
  command: Command,
  context: CliContext,
  example: string,
  work: (action: ServiceAction<Options>, ...args: string[]) => Promise<void>,
): void {
  addSettings(command, ['organisation', 'dataDirectory']);
  command.option('--service <URL>', 'running service; it is shown $ZONESEAL_TOKEN', 'http://127.0.0.1:8080');
  command.option('--project <IDENTITY>', 'project of the zones, instead of the organisation itself');
  command.option('--json', 'print JSON');
  command.addHelpText('after', `\nExample:\n  zoneseal ${example}`);
  command.action(async (...given: unknown[]) => {
    const options = command.opts<Options & ServiceCommandOptions>();
    const args = given.flat().filter((argument): argument is string => typeof argument === 'string');
    const config = configOf(command, quietly(context.environment));
    const baseUrl = options.service.replace(/\/+$/, '');
    const call: ServiceAction<Options>['call'] = async <Answer>(method: string, path: string, body?: object) => {
      const token = await remoteToken(config, baseUrl);
      const { organisation } = config;
      const caller = apiCaller({ baseUrl, token, organisation, project: options.project });
      const sent: ApiBody | undefined = body === undefined ? undefined : json(body);
      const text = await caller.call(method, `${base}${path}`, sent);
      return (text === '' ? undefined : JSON.parse(text)) as Answer;
    };
    const print: ServiceAction<Options>['print'] = (result, text) => {
      context.stdout.write(options.json === true ? formatJson(result) : text(result));
    };
    await work({ options, call, print }, ...args);
  });
}
