/** Program: `node create_data.ts FOLDER` makes a migrated PGlite data folder, says "done", and waits to be ended. */
import { migrate } from '../migrate.ts';
import { openData } from './open_embedded.ts';

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('usage: create_data FOLDER');
process.stdin.resume().on('end', () => process.exit(1)); // our parent is gone

const database = await openData(folder, {});
await migrate(database);
await database.close();
process.stdout.write('done\n');
