/** Whether a row is ticked; `mixed`: some of what is below it is. */
export type Checked = 'on' | 'off' | 'mixed';
