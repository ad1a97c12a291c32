// A room of the page: one place for one kind of work. main.ts lists them; a new one is a file and a line there.
import {IconName} from "./dom";

export interface Room {
  name: string;  // in the address, after '#'
  title: string;
  icon: IconName;
  element: HTMLElement;
  side: HTMLElement;  // what stands at the side while it is open
  opened(): void;
}
