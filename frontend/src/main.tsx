import { render } from "preact";
import { open } from "./api";
import { App } from "./App";
import { Failed } from "./Failed";
import { asFailure } from "./store";
import "./style.css";

const page = document.getElementById("page")!;
open().then(
  (opened) => render(<App opened={opened} />, page),
  (reason) => render(<Failed failure={asFailure(reason)} />, page),
);
