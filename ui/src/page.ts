// The one script of the pages that the service sends into a Connect frame.

import { connect } from "./connect";
import { start } from "./start";

start(connect);
