// The one script of the Custom UI pages.

import { start } from "../start";
import { forge } from "./host";
import { followLinks } from "./links";

followLinks();
start(forge);
